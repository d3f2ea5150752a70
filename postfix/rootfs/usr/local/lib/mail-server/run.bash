# shellcheck shell=bash
# Run Postfix in the foreground, with its helpers and its log on standard output, and stop it cleanly.

LOG_FILE=/var/log/mail/mail.log
SRS_PORT=10001
SRS_SECRET=/var/lib/postfix/srs.secret

# Returns when Postfix has ended: with its exit status, or with 0 after a signal to stop.
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

# A delivery that is interrupted after the relay's 250 would be repeated. So the queue manager is paused first, current
# deliveries have two seconds to end, and then all of Postfix stops.
stop() {
    STOPPING=yes
    say 'stopping'
    pause_queue_manager
    sleep 2
    /usr/sbin/postfix stop || true
}

# A process can end before its name is read. Not `$(<file)`: bash 5.2 exits when it cannot read that file.
pause_queue_manager() {
    local comm name
    for comm in /proc/[0-9]*/comm; do
        if read -r name <"$comm" && [[ $name == qmgr ]]; then
            kill -STOP "$(basename "$(dirname "$comm")")"
        fi
    done 2>/dev/null || true
}

# `wait` also returns after a handled signal, while the process still runs.
wait_for() {
    local status=0
    while kill -0 "$1" 2>/dev/null; do
        wait "$1" && status=0 || status=$?
    done
    return "$status"
}

# Postfix writes its last lines before it ends; tail needs a moment to print them.
stop_the_rest() {
    sleep 0.5
    jobs -p | xargs --no-run-if-empty kill 2>/dev/null || true
}

# ---- The log on standard output

# Print the new lines of the log, also after its rotation. By polling: with inotify (coreutils 9.7), tail leaves a renamed
# file at once and loses later lines in it; by polling, it leaves the file after a second without new lines.
show_log() {
    [[ -e $LOG_FILE ]] || install -m 0640 -g maillog /dev/null "$LOG_FILE"
    tail --lines=0 --follow=name --retry ---disable-inotify --sleep-interval=0.2 --max-unchanged-stats=5 \
        "$LOG_FILE" 2>/dev/null | for_standard_output
}

# Without the health check's own connections, and without the lines that quote a forward's headers; addresses are masked
# unless MAIL_LOG_ADDRESSES=full.
for_standard_output() {
    local -a script=(-e '/postfix\/internal\/smtpd\[[0-9]*\]: connect from unknown\[127\.0\.0\.1\]$/d'
        -e '/postfix\/internal\/smtpd\[[0-9]*\]: disconnect from unknown\[127\.0\.0\.1\] quit=1 commands=1$/d'
        -e '/postfix\/public\/cleanup\[[0-9]*\]: [[:alnum:]]+: prepend: header /d')
    if [[ $MAIL_LOG_ADDRESSES == masked ]]; then
        # The same rules as in telemetry/mail_telemetry/masking.py; tests/golden/masking.tsv has inputs and outputs of both.
        # Message-IDs of the API are no addresses, and one searches for them: \x01 replaces their @ meanwhile. \x02 marks
        # the borders of values. Postfix writes no control characters.
        local key='\b(message-id|[a-z_]*(id|user|username|sender|recipient|rcpt|from|to|mail|email|address))='
        local part=$'[^][:space:]\x02[<>",;:()'
        script+=(-e 's/<(msg_[0-9a-z]{26}\.mail-api)@/<\1\x01/g'
            # URL-encoded: anna%40example.com
            -e "s/([A-Za-z0-9._~!*'+%-])[A-Za-z0-9._~!*'+%-]*(%(25)*40)/\1***\2/g"
            # Login names, which may have blanks, up to the next field or the end.
            -e '/sasl_(username|sender)=/{s/,? [a-z_]+=/\x02&/g'
            -e 's/(\bsasl_(username|sender)=[^\x02])[^\x02]*@/\1***@/g'
            -e 's/\x02//g}'
            # In angle brackets with any local part, in quotes, and all others.
            -e 's/<([^<>@])[^<>]*@([^<>@]*)>/<\1***@\2>/g'
            -e 's/"([^"\\]|\\.)*"@/"***@/g'
            -e "s/$key/&\x02/g"
            -e "s/(['@*]*)($part@'*])$part]*@/\1\2***@/g"
            -e 's/\x02//g; s/\x01/@/g')
    fi
    # In C.UTF-8 the first character of an address can have several bytes.
    LC_ALL=C.UTF-8 sed --unbuffered --regexp-extended "${script[@]}"
}

# ---- SRS, when forwards are delivered by MX

# postsrsd answers public-cleanup on a loopback port. While it does not run, the public port replies 451 and senders retry.
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
    routes=$(routes)
    LOG_READ=$(size_of_log)
    while sleep 5; do
        if [[ $(routes) != "$routes" ]]; then
            routes=$(routes)
            follow_networks || true
        fi
        explain_gateway_clients || true
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
    [[ $networks != "$(configured_networks)" ]] || return 0
    say "the networks have changed, reloading: port 25 accepts mail from $(trust_in_words "$networks")"
    sed --in-place "s|^internal_networks = .*|internal_networks = $networks|" "$CONFIGURATION/main.cf"
    render_forward_limit >"$CONFIGURATION/forward_limit"
    mark_as_complete "$CONFIGURATION/main.cf"
    /usr/sbin/postfix reload
}

configured_networks() {
    /usr/sbin/postconf -h internal_networks
}

EXPLAINED=
LOG_READ=0

# Log once after each start that a client has a gateway's address.
explain_gateway_clients() {
    [[ -z $EXPLAINED ]] || return 0
    local size client
    size=$(size_of_log)
    ((size != LOG_READ)) || return 0
    ((size > LOG_READ)) || LOG_READ=0 # rotated
    client=$(tail --bytes=+$((LOG_READ + 1)) "$LOG_FILE" | gateway_clients | head -n 1)
    LOG_READ=$size
    [[ -n $client ]] || return 0
    EXPLAINED=yes
    say "a client has the address $client, which is the gateway of a Docker network: all clients with this address share one rate limit. Read docs/networks.md#clients-with-the-gateways-address"
}

# Print the gateway's address for each log line in which mail from a gateway is rejected or counted for FORWARD_DAILY_LIMIT.
gateway_clients() {
    sed --quiet --regexp-extended \
        's,^[^[]*/smtpd\[[0-9]+\]: [[:alnum:]]+: (reject|info): [A-Z-]+ from [^][ ]*\[([0-9a-f.:]+)\]: .*,\2,p' |
        { grep --fixed-strings --line-regexp --file=<(gateways) || true; }
}

# Symbolic links are followed: certbot changes their targets.
stamp_of_certificate() {
    stat --dereference --format '%Y %i' "$TLS_CERT_FILE" "$TLS_KEY_FILE" 2>/dev/null || true
}

# The age is that of a separate file: not every file system keeps the time of a file's creation.
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

# After a failed write, as on a full volume, postlogd (3.10) writes nothing more, even when there is room again: its stream
# keeps the error. A reload starts a new postlogd. Lines that could not be written are lost; mail is delivered all the same.
revive_log_if_stuck() {
    log_is_stuck || return 0
    if ! log_has_room; then
        say 'the log volume is full: mail goes on, its log lines are lost' >&2
        return 0
    fi
    say 'the log was not written for a while, and there is room again: reloading' >&2
    # End an incomplete line, so that the next line is not appended to it.
    ! log_ends_mid_line || echo >>"$LOG_FILE"
    /usr/sbin/postfix reload
}

# An incomplete line that stays incomplete, or no line for longer than the health check's interval of a minute.
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
