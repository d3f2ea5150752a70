# shellcheck shell=bash
# The certificate of ports 2525 and 587, and the CA certificate of a private relay.

SELF_SIGNED=/var/lib/postfix/tls

# TLS_CERT_FILE and TLS_KEY_FILE name a certificate: the given one, or a self-signed one made for this host name.
provide_certificate() {
    [[ -z $TLS_CERT_FILE ]] || return 0
    TLS_CERT_FILE=$SELF_SIGNED/$MAIL_HOSTNAME.crt
    TLS_KEY_FILE=$SELF_SIGNED/$MAIL_HOSTNAME.key
    [[ -s $TLS_CERT_FILE && -s $TLS_KEY_FILE ]] && return 0
    install -d -m 0700 "$SELF_SIGNED"
    local output
    output=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 3650 \
        -subj "/CN=$MAIL_HOSTNAME" -addext "subjectAltName=DNS:$MAIL_HOSTNAME" \
        -keyout "$TLS_KEY_FILE" -out "$TLS_CERT_FILE" 2>&1) || {
        say "no certificate could be made: $output" >&2
        return 1
    }
    say "made a self-signed certificate for $MAIL_HOSTNAME"
}

# A sandbox creates its CA when it starts, which can be after this container.
wait_for_relay_ca() {
    [[ -n $SMTP_RELAY_CA_FILE && ! -s $SMTP_RELAY_CA_FILE ]] || return 0
    say "waiting up to 30 s for SMTP_RELAY_CA_FILE ($SMTP_RELAY_CA_FILE)"
    local second
    for ((second = 0; second < 30; second++)); do
        [[ -s $SMTP_RELAY_CA_FILE ]] && return
        sleep 1
    done
    mistake SMTP_RELAY_CA_FILE "there is no file $SMTP_RELAY_CA_FILE: mount the relay's CA certificate there"
    stop_if_mistaken
}
