# shellcheck shell=bash
# Postfix in the foreground, what it needs beside it, its log on standard output, and a clean end.

LOG_FILE=/var/log/mail/mail.log
SRS_PORT=10001
SRS_SECRET=/var/lib/postfix/srs.secret

# Returns when Postfix has ended: by itself (its exit status), or since we were told to stop (0).
run_until_stopped() {
    local status=0
    STOPPING=
    trap stop TERM INT
    show_log &
    [[ -n $SMTP_RELAY_HOST || -z $FORWARD_EMAIL ]] || run_srs &
    keep_house &
    /usr/sbin/postfix start-fg &
    wait_for "$!" || status=$?
    stop_the_rest
    [[ -z $STOPPING ]] || status=0
    return "$status"
}

# A mail whose delivery is cut off after the relay's 250 would be sent twice. So the queue manager hands out no more,
# those under way get a moment to be finished and recorded, and then all of Postfix stops.
stop() {
    STOPPING=yes
    say 'stopping'
    pause_queue_manager
    sleep 2
    /usr/sbin/postfix stop || true
}

pause_queue_manager() {
    local comm
    for comm in /proc/[0-9]*/comm; do
        if [[ $(<"$comm") == qmgr ]]; then
            kill -STOP "$(basename "$(dirname "$comm")")"
        fi
    done 2>/dev/null || true
}

# `wait` also returns when a signal has been handled; the process may still be there then.
wait_for() {
    local status=0
    while kill -0 "$1" 2>/dev/null; do
        wait "$1" && status=0 || status=$?
    done
    return "$status"
}

# The last lines are written before Postfix ends: a moment for tail to pass them on.
stop_the_rest() {
    sleep 0.5
    jobs -p | xargs --no-run-if-empty kill 2>/dev/null || true
}

# ---- The log on standard output

# What Postfix writes from now on, through rotation. By polling: with inotify (coreutils 9.7) tail leaves a renamed
# file at once, and loses what was written to it after that; now it stays until there was nothing new for a second.
show_log() {
    [[ -e $LOG_FILE ]] || install -m 0640 -g maillog /dev/null "$LOG_FILE"
    tail --lines=0 --follow=name --retry ---disable-inotify --sleep-interval=0.2 --max-unchanged-stats=5 \
        "$LOG_FILE" 2>/dev/null | for_standard_output
}

# Without the health check's own connections, and without the lines that quote a forward's headers; addresses masked unless MAIL_LOG_ADDRESSES=full.
for_standard_output() {
    local -a script=(-e '/postfix\/internal\/smtpd\[[0-9]*\]: connect from unknown\[127\.0\.0\.1\]$/d'
        -e '/postfix\/internal\/smtpd\[[0-9]*\]: disconnect from unknown\[127\.0\.0\.1\] quit=1 commands=1$/d'
        -e '/postfix\/public\/cleanup\[[0-9]*\]: [[:alnum:]]+: prepend: header /d')
    if [[ $MAIL_LOG_ADDRESSES == masked ]]; then
        # The API's Message-IDs are no addresses, and what one looks for: their @ is put aside meanwhile (a log line
        # holds no control characters). <local@domain>, whatever the local part has in it; then the bare ones.
        script+=(-e 's/<(msg_[0-9a-z]{26}\.mail-api)@/<\1\x01/g'
            -e 's/<([^<>@])[^<>]*@([^<>@]*)>/<\1***@\2>/g'
            -e 's/([^][ <>()=,;:"'\''@])[^][ <>()=,;:"'\''@]*@/\1***@/g'
            -e 's/\x01/@/g')
    fi
    sed --unbuffered --regexp-extended "${script[@]}"
}

# ---- SRS, when forwards are delivered by MX

# postsrsd answers public-cleanup on a loopback port. While it is away, the public port says 451 and senders wait.
run_srs() {
    if [[ ! -s $SRS_SECRET ]]; then
        (umask 077 && openssl rand -base64 24 >"$SRS_SECRET")
    fi
    while true; do
        /usr/sbin/postsrsd -4 -s"$SRS_SECRET" -d"$MAIL_DOMAIN" -unobody -f"$SRS_PORT" || true
        say 'postsrsd ended: starting it again'
        sleep 1
    done
}

# ---- House-keeping, in the background

keep_house() {
    local certificate routes
    certificate=$(stamp_of_certificate)
    routes=$(</proc/net/route)
    while sleep 5; do
        if [[ $(</proc/net/route) != "$routes" ]]; then
            routes=$(</proc/net/route)
            follow_networks || true
        fi
        rotate_log_if_due || true
        revive_log_if_stuck || true
        if [[ $(stamp_of_certificate) != "$certificate" ]]; then
            certificate=$(stamp_of_certificate)
            say 'the certificate has changed: reloading'
            /usr/sbin/postfix reload || true
        fi
    done
}

# After `docker network connect` or `disconnect`: trust the containers of the networks that are joined now.
follow_networks() {
    local networks
    networks=$(internal_networks)
    say "the networks have changed, reloading: port 25 accepts mail from $networks"
    sed --in-place "s|^internal_networks = .*|internal_networks = $networks|" "$CONFIGURATION/main.cf"
    render_forward_limit >"$CONFIGURATION/forward_limit"
    /usr/sbin/postfix reload
}

# Through symbolic links, as certbot renews by pointing them elsewhere.
stamp_of_certificate() {
    stat --dereference --format '%Y %i' "$TLS_CERT_FILE" "$TLS_KEY_FILE" 2>/dev/null || true
}

# The age is counted from a stamp of our own: a file's time of birth is not kept by every file system.
rotate_log_if_due() {
    local stamp=/var/lib/postfix/log-rotated
    [[ -s $LOG_FILE ]] || return 0
    [[ -e $stamp ]] || touch "$stamp"
    local age=$(($(date +%s) - $(stat --format %Y "$stamp")))
    if (($(stat --format %s "$LOG_FILE") < MAIL_LOG_ROTATE_SIZE && age < $(seconds_of "$MAIL_LOG_ROTATE_AGE"))); then
        return 0
    fi
    touch "$stamp"
    /usr/sbin/postfix logrotate
    remove_old_logs
}

# Rotated files carry their time in their name, so the order of names is the order of time.
remove_old_logs() {
    local -a rotated=("$LOG_FILE".[0-9]*)
    local surplus=$((${#rotated[@]} - MAIL_LOG_KEEP))
    ((surplus <= 0)) || rm -f -- "${rotated[@]:0:surplus}"
}

# ---- A log that is not written

LOG_SIZE=

# Once a write has failed, as on a full volume, postlogd (3.10) writes nothing more, be there room or not: the error
# stays with its stream. A reload starts a new one. What could not be written is lost; mail goes on meanwhile.
revive_log_if_stuck() {
    log_is_stuck || return 0
    if ! log_has_room; then
        say 'the log volume is full: mail goes on, its log lines are lost' >&2
        return 0
    fi
    say 'the log was not written for a while, and there is room again: reloading' >&2
    # So that the next line is not taken for the rest of a broken one.
    ! log_ends_mid_line || echo >>"$LOG_FILE"
    /usr/sbin/postfix reload
}

# Half a line that stays half; or silence where the health check's lines, one pair a minute, should be.
log_is_stuck() {
    local before=$LOG_SIZE
    LOG_SIZE=$(size_of_log)
    if log_ends_mid_line; then
        [[ $LOG_SIZE == "$before" ]]
        return
    fi
    (($(date +%s) - $(stat --format %Y "$LOG_FILE" 2>/dev/null || echo 0) > 150)) || return 1
    rm -f /run/mail-server.greeting
    "$LIBRARY/healthcheck" >/dev/null || true
    sleep 1
    [[ $(size_of_log) == "$LOG_SIZE" ]]
}

size_of_log() {
    stat --format %s "$LOG_FILE" 2>/dev/null || echo 0
}

# $( ) drops a final line feed, and nothing else that a log has.
log_ends_mid_line() {
    [[ -n $(tail --bytes=1 "$LOG_FILE" 2>/dev/null) ]]
}

log_has_room() {
    local blocks size
    read -r blocks size < <(stat --file-system --format '%a %S' "$(dirname "$LOG_FILE")")
    ((blocks * size >= 65536))
}
