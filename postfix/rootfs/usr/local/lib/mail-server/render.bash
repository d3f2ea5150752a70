# shellcheck shell=bash
# Write /etc/postfix at each start: the image's own files, with a block of assignments in front of main.cf and the
# tables that hold addresses and passwords.

ORIGINALS=/usr/share/mail-server/postfix
CONFIGURATION=/etc/postfix

# A file system with errors becomes read-only; SELinux forbids what has another container's label.
stop_if_read_only() {
    local folder found=
    for folder in /var/spool/postfix /var/lib/postfix /var/log/mail; do
        [[ -w $folder ]] && continue
        say "not started: $folder cannot be written: mount its volume without :ro, and check the disk (docs/troubleshooting.md#disk)" >&2
        found=yes
    done
    [[ -z $found ]] || exit 73 # EX_CANTCREAT of sysexits.h
}

prepare_volumes() {
    stop_if_read_only
    # Set-gid, so that log files belong to the exporter's group; not for others, since the log has whole addresses.
    # The bit only sticks when it is set by a member of the group (or with one more capability, FSETID).
    chown root:maillog /var/log/mail
    setpriv --regid=maillog --clear-groups chmod 2750 /var/log/mail
    install -d -o postfix -g postfix -m 0700 /var/lib/postfix/data
    install -d -o nobody -g nogroup -m 0700 /var/lib/postfix/forwarding
    chown root:root /var/lib/postfix
    chmod 0755 /var/lib/postfix
}

render_configuration() {
    umask 022
    chown root:root "$CONFIGURATION"
    chmod 0755 "$CONFIGURATION"
    cp -R "$ORIGINALS/." "$CONFIGURATION/"
    { render_assignments; cat "$ORIGINALS/main.cf"; } >"$CONFIGURATION/main.cf"
    render_queue_service >>"$CONFIGURATION/master.cf"
    render_virtual_aliases >"$CONFIGURATION/virtual_aliases"
    render_bounce_recipients >"$CONFIGURATION/bounce_recipients"
    render_forward_limit >"$CONFIGURATION/forward_limit"
    render_outgoing_addresses >"$CONFIGURATION/outgoing_addresses"
    render_relay_credentials
    render_submission_user
    mark_as_complete "$CONFIGURATION"/*
}

# Postfix waits up to two seconds before it reads a configuration file that was changed in this second or the last one
# (src/util/dict.c: "pausing to let it cool down"): it could be written still. These files are complete.
mark_as_complete() {
    touch --no-create --date '10 seconds ago' "$@"
}

# The settings that depend on variables. No line contains a secret.
render_assignments() {
    cat <<END
# Written at start from the environment; the image's own file follows below.
mail_domain = $MAIL_DOMAIN
mail_hostname = $MAIL_HOSTNAME
local_origin = $(first_item "$LOCAL_DOMAINS")
alias_domains = $(alias_domains)
own_domain_pattern = $({ echo "$MAIL_DOMAIN"; local_domains; } | sort -u | paste --serial --delimiters='|')
inet_protocols = $INET_PROTOCOLS
internal_networks = $(internal_networks)
forward_sender_maps = $(forward_sender_maps)
submission_auth = $(yes_if "$MAIL_USER")
tls_cert_file = $TLS_CERT_FILE
tls_key_file = $TLS_KEY_FILE
relay_host = $SMTP_RELAY_HOST
relay_nexthop = $(relay_nexthop)
relay_sender = ${SMTP_RELAY_HOST:+$SMTP_RELAY_SENDER}
default_from = $DEFAULT_FROM
relay_auth = $(yes_if "$SMTP_RELAY_USERNAME")
relay_tls_level = $(relay_tls_level)
relay_tls_wrapper = $(relay_tls_wrapper)
relay_ca_file = ${SMTP_RELAY_CA_FILE:-/etc/ssl/certs/ca-certificates.crt}
relay_rate_delay = $(relay_rate_delay)
message_size_limit = $MESSAGE_SIZE_LIMIT
queue_run_delay = $QUEUE_RUN_DELAY
minimal_backoff_time = $MINIMAL_BACKOFF_TIME
maximal_backoff_time = $MAXIMAL_BACKOFF_TIME
maximal_queue_lifetime = $MAXIMAL_QUEUE_LIFETIME
bounce_queue_lifetime = $(bounce_queue_lifetime)

END
}

# A day, but at most MAXIMAL_QUEUE_LIFETIME: Postfix warns about a longer time.
bounce_queue_lifetime() {
    (($(seconds_of "$MAXIMAL_QUEUE_LIFETIME") < 86400)) && echo "$MAXIMAL_QUEUE_LIFETIME" || echo 1d
}

yes_if() {
    [[ -n $1 ]] && echo yes || echo no
}

relay_nexthop() {
    [[ -z $SMTP_RELAY_HOST ]] || echo "[$SMTP_RELAY_HOST]:$SMTP_RELAY_PORT"
}

relay_tls_level() {
    case ${SMTP_RELAY_HOST:+relay}-$USE_TLS-$TLS_VERIFY in
    relay-yes-yes) echo secure ;;
    relay-yes-no) echo encrypt ;;
    relay-no-*) echo none ;;
    *) echo may ;; # by MX: most servers offer TLS, few a certificate that can be verified
    esac
}

relay_tls_wrapper() {
    [[ -n $SMTP_RELAY_HOST && $USE_TLS == yes ]] && relay_has_implicit_tls && echo yes || echo no
}

# The pause is for a relay. With delivery by MX, each domain is a separate destination and needs none.
relay_rate_delay() {
    [[ -n $SMTP_RELAY_HOST ]] && echo "$RELAY_RATE_DELAY" || echo 0s
}

# Mail for MAIL_DOMAIN is accepted only if FORWARD_EMAIL is set.
alias_domains() {
    { [[ -z $FORWARD_EMAIL ]] || echo "$MAIL_DOMAIN"; local_domains; } | sort -u | tr '\n' ' '
}

# Domains whose mail is for this server itself.
local_domains() {
    items "$LOCAL_DOMAINS"
    [[ $MAIL_HOSTNAME == "$MAIL_DOMAIN" ]] || echo "$MAIL_HOSTNAME"
}

# Without a relay: postsrsd, see run.bash. With one: a fixed address, because relays often replace the sender anyway.
forward_sender_maps() {
    [[ -n $SMTP_RELAY_HOST ]] && echo "static:forwarded@$MAIL_DOMAIN" || echo "tcp:127.0.0.1:$SRS_PORT"
}

# virtual(5)
render_virtual_aliases() {
    echo '# Recipients of mail for our domains. Written at start from FORWARD_EMAIL and FORWARD_RECIPIENTS.'
    [[ -n $FORWARD_EMAIL ]] || return 0
    local address
    # Mail that is returned to this address must not be forwarded: it would be refused again.
    [[ ${SMTP_RELAY_SENDER##*@} != "$MAIL_DOMAIN" ]] || echo "$SMTP_RELAY_SENDER returned-mail@discarded.invalid"
    for address in $(forwarded_addresses); do
        echo "$address $(items "$FORWARD_EMAIL" | tr '\n' ' ')"
    done
}

# @domain stands for every address of it.
forwarded_addresses() {
    local name
    for name in $(local_domains); do
        echo "@$name"
    done
    if [[ $FORWARD_RECIPIENTS == all ]]; then
        echo "@$MAIL_DOMAIN"
        return
    fi
    for name in $(items "$FORWARD_RECIPIENTS") postmaster; do
        echo "${name%@"$MAIL_DOMAIN"}@$MAIL_DOMAIN"
    done | sort -u
}

# virtual(5)
render_bounce_recipients() {
    echo '# Addresses that may receive bounces: our own. Written at start.'
    local address
    for address in $(items "$FORWARD_EMAIL") "$DEFAULT_FROM" "$SMTP_RELAY_USERNAME"; do
        if [[ $address == *@* && ${address##*@} != "$MAIL_DOMAIN" ]]; then
            echo "$address $address"
        fi
    done | sort -u
    if [[ -n $FORWARD_EMAIL ]]; then
        echo "@$MAIL_DOMAIN $(items "$FORWARD_EMAIL" | tr '\n' ' ')"
    else
        echo "@$MAIL_DOMAIN @$MAIL_DOMAIN"
    fi
}

# For forward-limit: recipients in 24 h, how many times each one counts, recipients of one client, joined networks.
render_forward_limit() {
    local weight share
    weight=$(items "$FORWARD_EMAIL" | wc -l)
    share=$(((FORWARD_DAILY_LIMIT * FORWARD_CLIENT_SHARE + 99) / 100))
    echo "limit $FORWARD_DAILY_LIMIT"
    echo "weight $weight"
    echo "share $((share < weight ? weight : share))"
    echo "joined_networks $(joined_networks | paste --serial --delimiters=' ')"
}

# generic(5). The last two addresses replace `<>` (main.cf, SMTP_RELAY_SENDER) and the sender of forwards.
render_outgoing_addresses() {
    echo '# Local addresses, and their replacements in outgoing mail. Written at start from DEFAULT_FROM.'
    local domain
    for domain in $(local_domains); do
        echo "@$domain $DEFAULT_FROM"
    done
    [[ -n $SMTP_RELAY_HOST && -n $SMTP_RELAY_SENDER ]] || return 0
    echo "null-sender@discarded.invalid $SMTP_RELAY_SENDER"
    echo "forwarded@$MAIL_DOMAIN $SMTP_RELAY_SENDER"
}

render_relay_credentials() {
    install -m 0600 /dev/null "$CONFIGURATION/relay_credentials"
    [[ -z $SMTP_RELAY_USERNAME ]] ||
        printf '%s %s:%s\n' "$(relay_nexthop)" "$SMTP_RELAY_USERNAME" "$SMTP_RELAY_PASSWORD" >"$CONFIGURATION/relay_credentials"
}

# The password is passed on standard input: arguments are visible to every process.
render_submission_user() {
    [[ -n $MAIL_USER ]] || return 0
    local file=$CONFIGURATION/sasl/users
    rm -f "$file"
    printf %s "$MAIL_PASSWORD" | saslpasswd2 -p -c -f "$file" -u "$MAIL_DOMAIN" "${MAIL_USER%@"$MAIL_DOMAIN"}"
    chown root:postfix "$file"
    chmod 0640 "$file"
}

# The service of master.cf that lists the queue as JSON, also on this server's address in the internal network.
render_queue_service() {
    local address
    address=$(own_address_of_name "$QUEUE_LISTEN_NAME")
    if [[ -z $address ]]; then
        say "the queue is offered inside this container only: '$QUEUE_LISTEN_NAME' is not a name of ours on a network" >&2
        return
    fi
    cat <<END

# Written at start: $QUEUE_LISTEN_NAME is $address.
$(in_brackets "$address"):9025 inet n    n      n      -      5       spawn
    -o command_time_limit=30s
    user=nobody:postdrop argv=/usr/sbin/postqueue -j
END
}
