# shellcheck shell=bash
# Postfix in the foreground, its log on standard output, and a clean end.

LOG_FILE=/var/log/mail/mail.log

# Returns when Postfix has ended: by itself (its exit status), or since we were told to stop (0).
run_until_stopped() {
    local status=0
    STOPPING=
    trap stop TERM INT
    show_log &
    /usr/sbin/postfix start-fg &
    wait_for "$!" || status=$?
    stop_showing_log
    [[ -z $STOPPING ]] || status=0
    return "$status"
}

stop() {
    STOPPING=yes
    say 'stopping'
    /usr/sbin/postfix stop || true
}

# `wait` also returns when a signal has been handled; the process may still be there then.
wait_for() {
    local status=0
    while kill -0 "$1" 2>/dev/null; do
        wait "$1" && status=0 || status=$?
    done
    return "$status"
}

# What Postfix writes from now on, through rotation, on standard output.
show_log() {
    tail --lines=0 --follow=name --retry "$LOG_FILE" 2>/dev/null | for_standard_output
}

# Without the health check's own connections; addresses masked unless MAIL_LOG_ADDRESSES=full.
for_standard_output() {
    local -a script=(-e '/postfix\/internal\/smtpd\[[0-9]*\]: connect from unknown\[127\.0\.0\.1\]$/d'
        -e '/postfix\/internal\/smtpd\[[0-9]*\]: disconnect from unknown\[127\.0\.0\.1\] quit=1 commands=1$/d')
    if [[ $MAIL_LOG_ADDRESSES == masked ]]; then
        # <local@domain>, whatever the local part has in it; then the bare ones.
        script+=(-e 's/<([^<>@])[^<>]*@([^<>@]*)>/<\1***@\2>/g'
            -e 's/([^][ <>()=,;:"'\''@])[^][ <>()=,;:"'\''@]*@/\1***@/g')
    fi
    sed --unbuffered --regexp-extended "${script[@]}"
}

# The last lines are written before Postfix ends: a moment for tail to pass them on.
stop_showing_log() {
    sleep 0.5
    jobs -p | xargs --no-run-if-empty kill 2>/dev/null || true
}
