# shellcheck shell=bash
# Checks of the variables: each error is one line with the variable's name and the fix.

MISTAKES=()
WARNINGS=()

mistake() {
    MISTAKES+=("$1: $2")
}

warning() {
    WARNINGS+=("$1: $2")
}

stop_if_mistaken() {
    check_variables
    ((${#MISTAKES[@]})) || return 0
    printf 'mail-server: %s\n' "${MISTAKES[@]}" >&2
    printf 'mail-server: not started, %d to fix (mail-server --help lists the variables)\n' "${#MISTAKES[@]}" >&2
    exit 64 # EX_USAGE, sysexits.h
}

print_warnings() {
    ((${#WARNINGS[@]})) || return 0
    printf 'mail-server: warning: %s\n' "${WARNINGS[@]}"
}

check_variables() {
    check_quotes
    check_identity
    check_submission
    check_forwarding
    check_relay
    check_tls_files
    check_networks
    check_numbers_and_times
}

# docker run --env-file keeps quotes as part of the value; Compose doesn't.
check_quotes() {
    local row name
    for row in "${VARIABLES[@]}"; do
        name=${row%%|*}
        if [[ ${!name} == [\"\']*[\"\'] ]]; then
            mistake "$name" 'the value is in quotes: remove them'
            printf -v "$name" %s "${!name:1:-1}" # and look at what is in them
        fi
        [[ ${!name} == *$'\n'* ]] && mistake "$name" 'the value has more than one line: keep the first'
    done
    return 0
}

check_identity() {
    if [[ -z $MAIL_DOMAIN ]]; then
        mistake MAIL_DOMAIN 'not set: give the domain that mail is for, as example.org'
        return
    fi
    check_domain MAIL_DOMAIN
    ! is_international "$MAIL_DOMAIN" || return 0 # the defaults of the others hold it
    check_domain MAIL_HOSTNAME
    check_address DEFAULT_FROM "$DEFAULT_FROM"
    local domain
    for domain in $(items "$LOCAL_DOMAINS"); do
        is_domain "$domain" || mistake LOCAL_DOMAINS "'$domain' is not a domain: give names as dinky.local"
        [[ $domain == "$MAIL_DOMAIN" ]] &&
            mistake LOCAL_DOMAINS "$domain is MAIL_DOMAIN, which the public port takes mail for: leave it out"
    done
    return 0
}

check_submission() {
    check_pair MAIL_USER MAIL_PASSWORD
    check_placeholder MAIL_PASSWORD 'choose a password, as from: openssl rand -base64 24'
    [[ $MAIL_USER =~ ^[A-Za-z0-9._@+-]*$ ]] ||
        mistake MAIL_USER 'only letters, digits and . _ @ + - are possible: choose another name'
}

check_forwarding() {
    local address domain
    for address in $(items "$FORWARD_EMAIL"); do
        check_address FORWARD_EMAIL "$address"
        domain=${address##*@}
        [[ " $MAIL_DOMAIN $MAIL_HOSTNAME $(items "$LOCAL_DOMAINS" | tr '\n' ' ') " == *" ${domain,,} "* ]] &&
            mistake FORWARD_EMAIL "$address is mail for this server itself (a loop): give an address elsewhere"
    done
    for address in $(items "$FORWARD_RECIPIENTS"); do
        [[ ${address%@"$MAIL_DOMAIN"} =~ ^[a-z0-9._+=-]+$ ]] ||
            mistake FORWARD_RECIPIENTS "'$address' is not an address of MAIL_DOMAIN: give names as hi,info, or all"
    done
    [[ -n $FORWARD_EMAIL ]] ||
        warning FORWARD_EMAIL 'not set: mail for MAIL_DOMAIN is rejected, and alerts and system mail are not delivered'
}

check_relay() {
    check_yes_or_no USE_TLS
    check_yes_or_no TLS_VERIFY
    check_port SMTP_RELAY_PORT
    check_pair SMTP_RELAY_USERNAME SMTP_RELAY_PASSWORD
    check_placeholder SMTP_RELAY_USERNAME 'give the account at the relay, or leave it empty'
    check_placeholder SMTP_RELAY_PASSWORD 'give an app password (https://myaccount.google.com/apppasswords)'
    check_copied SMTP_RELAY_USERNAME
    check_copied SMTP_RELAY_PASSWORD
    [[ $SMTP_RELAY_USERNAME != *:* ]] || mistake SMTP_RELAY_USERNAME 'a colon is not possible in a user name'
    check_absolute_path SMTP_RELAY_CA_FILE
    if [[ -z $SMTP_RELAY_HOST ]]; then
        [[ -z $SMTP_RELAY_USERNAME$SMTP_RELAY_PASSWORD ]] ||
            mistake SMTP_RELAY_HOST 'not set, but there are credentials for it: give the host (smtp.gmail.com) or remove them'
        warning SMTP_RELAY_HOST "not set: mail goes directly to the recipients' servers by port 25, which many providers block; a relay is recommended (docs/gmail-relay.md)"
        return
    fi
    is_host "$SMTP_RELAY_HOST" ||
        mistake SMTP_RELAY_HOST "'$SMTP_RELAY_HOST' is not a host name: give the name alone, without port or brackets"
    check_relay_sender
    check_relay_tls_mode
    check_relay_encryption
}

# Mail to this address is discarded, so at MAIL_DOMAIN it must not be an address with another use.
check_relay_sender() {
    [[ -n $SMTP_RELAY_SENDER ]] || return 0
    check_address SMTP_RELAY_SENDER "$SMTP_RELAY_SENDER"
    [[ ${SMTP_RELAY_SENDER##*@} == "$MAIL_DOMAIN" ]] || return 0
    local used
    for used in "${DEFAULT_FROM,,}" $(items "$FORWARD_RECIPIENTS") postmaster forwarded; do
        [[ ${used%@"$MAIL_DOMAIN"}@$MAIL_DOMAIN == "$SMTP_RELAY_SENDER" ]] &&
            mistake SMTP_RELAY_SENDER "$SMTP_RELAY_SENDER is used for other mail, and what is sent to it would be discarded: give an address for this alone, as bounces@$MAIL_DOMAIN"
    done
    return 0
}

# Ports whose use is fixed: 465 by RFC 8314, 25 and 587 by RFC 5321 and 6409; the others are providers' own.
check_relay_tls_mode() {
    case $SMTP_RELAY_TLS-$SMTP_RELAY_PORT in
    starttls-465 | starttls-2465)
        mistake SMTP_RELAY_TLS "starttls, but port $SMTP_RELAY_PORT speaks TLS from the first byte: set SMTP_RELAY_TLS=implicit or SMTP_RELAY_PORT=587"
        ;;
    implicit-25 | implicit-587 | implicit-2525 | implicit-2587)
        mistake SMTP_RELAY_TLS "implicit, but port $SMTP_RELAY_PORT begins without TLS: set SMTP_RELAY_TLS=starttls or SMTP_RELAY_PORT=465"
        ;;
    auto-* | starttls-* | implicit-*) ;;
    *) mistake SMTP_RELAY_TLS "'$SMTP_RELAY_TLS' is not a mode: give auto, starttls or implicit" ;;
    esac
}

# Without encryption only to a relay on the joined networks.
check_relay_encryption() {
    if [[ $USE_TLS == yes ]]; then
        [[ $TLS_VERIFY == yes ]] ||
            warning TLS_VERIFY 'no: the password and the mail can be read by a server that pretends to be the relay'
    elif relay_has_implicit_tls; then
        mistake USE_TLS "no, but port $SMTP_RELAY_PORT accepts TLS only: set USE_TLS=yes or SMTP_RELAY_PORT=587"
    elif ! is_near "$SMTP_RELAY_HOST"; then
        mistake USE_TLS "no sends the password in the clear to $SMTP_RELAY_HOST: set USE_TLS=yes (no is for containers on the joined networks)"
    else
        warning USE_TLS "no: the mail and the password go to $SMTP_RELAY_HOST in the clear"
    fi
}

check_tls_files() {
    check_pair TLS_CERT_FILE TLS_KEY_FILE
    local name
    for name in TLS_CERT_FILE TLS_KEY_FILE; do
        check_absolute_path "$name"
        [[ -z ${!name} || -r ${!name} ]] || mistake "$name" "$(describe_unreadable "${!name}"): mount it there"
    done
    [[ -n $TLS_CERT_FILE ]] ||
        warning TLS_CERT_FILE 'not set: ports 587 and 2525 show a self-signed certificate, which mail programs warn about'
}

check_networks() {
    local network
    check_protocols
    for network in $(items "$TRUSTED_NETWORKS"); do
        if ! is_network "$network"; then
            mistake TRUSTED_NETWORKS "'$network' is not a network: give it as 10.1.0.0/16 or fd00:1:2:3::/64"
        elif ((${network#*/} < $(shortest_prefix "$network"))); then
            mistake TRUSTED_NETWORKS "$network is most of the internet, and would make an open relay: give the networks you know"
        elif [[ $network == *:* ]] && ! uses_ipv6; then
            mistake TRUSTED_NETWORKS "$network is IPv6, which is off: set INET_PROTOCOLS=all or leave it out"
        fi
    done
    [[ $QUEUE_LISTEN_NAME =~ ^[A-Za-z0-9._-]+$ ]] ||
        mistake QUEUE_LISTEN_NAME "'$QUEUE_LISTEN_NAME' is not a host name: give the network alias, as mail-queue"
}

check_protocols() {
    [[ $INET_PROTOCOLS == ipv4 || $INET_PROTOCOLS == all ]] ||
        mistake INET_PROTOCOLS "'$INET_PROTOCOLS' is neither ipv4 nor all: give one of them"
    if uses_ipv6; then
        [[ -n $(ipv6_subnets) ]] ||
            mistake INET_PROTOCOLS 'all, but this container has no IPv6 address: give one of its networks enable_ipv6: true and an IPv6 subnet in the Compose file (docs/networks.md#ipv6), or set INET_PROTOCOLS=ipv4'
    elif [[ -z $(joined_ipv4_networks) ]]; then
        local fix='join it to a network with IPv4'
        [[ -z $(ipv6_subnets) ]] || fix="it has IPv6: set INET_PROTOCOLS=all, or $fix"
        warning INET_PROTOCOLS "ipv4, but this container has no IPv4 address: mail can neither come in nor leave; $fix"
    fi
}

# Wider than a provider's own network: 10.0.0.0/8 and an IPv6 /32 are the widest.
shortest_prefix() {
    [[ $1 == *:* ]] && echo 32 || echo 8
}

check_numbers_and_times() {
    local name
    for name in SMTP_RELAY_DAILY_LIMIT MESSAGE_SIZE_LIMIT MAIL_LOG_ROTATE_SIZE MAIL_LOG_KEEP; do
        [[ ${!name} =~ ^[1-9][0-9]{0,9}$ ]] || mistake "$name" "'${!name}' is not a number: give one above 0, digits only"
    done
    # A bounce quotes up to 50 kB of the mail it is about (bounce_size_limit), and has to fit as well.
    [[ ! $MESSAGE_SIZE_LIMIT =~ ^[0-9]{1,10}$ || $MESSAGE_SIZE_LIMIT -ge 100000 ]] ||
        mistake MESSAGE_SIZE_LIMIT "$MESSAGE_SIZE_LIMIT leaves no room for a bounce: give at least 100000"
    [[ $FORWARD_DAILY_LIMIT =~ ^(0|[1-9][0-9]{0,5})$ ]] ||
        mistake FORWARD_DAILY_LIMIT "'$FORWARD_DAILY_LIMIT' is not a number: give one, or 0 for no limit"
    [[ $FORWARD_CLIENT_SHARE =~ ^[1-9][0-9]?$|^100$ ]] ||
        mistake FORWARD_CLIENT_SHARE "'$FORWARD_CLIENT_SHARE' is not a percentage: give a number from 1 to 100"
    for name in MAIL_LOG_ROTATE_AGE RELAY_RATE_DELAY QUEUE_RUN_DELAY MINIMAL_BACKOFF_TIME MAXIMAL_BACKOFF_TIME MAXIMAL_QUEUE_LIFETIME; do
        [[ ${!name} =~ ^[0-9]{1,7}[smhdw]?$ ]] || mistake "$name" "'${!name}' is not a time: give a number and s, m, h, d or w"
    done
    [[ $MAIL_LOG_ADDRESSES == masked || $MAIL_LOG_ADDRESSES == full ]] ||
        mistake MAIL_LOG_ADDRESSES "'$MAIL_LOG_ADDRESSES' is neither masked nor full: give one of them"
}

# ---- One value

check_domain() {
    check_placeholder "$1" 'give your own domain'
    if is_international "${!1}"; then
        mistake "$1" "'${!1}' is an international name: write $(ascii_form "${!1}")"
    elif ! is_domain "${!1}"; then
        mistake "$1" "'${!1}' is not a domain: give a name as example.org, without @, scheme or port"
    fi
}

check_address() {
    if is_placeholder "$2"; then
        mistake "$1" "'$2' is the template's: give your own address"
    elif is_international "${2##*@}"; then
        mistake "$1" "'$2' has an international domain: write ${2%@*}@$(ascii_form "${2##*@}")"
    elif ! is_address "$2"; then
        mistake "$1" "'$2' is not an address: give it as name@example.org"
    fi
}

check_pair() {
    [[ -n ${!1} && -z ${!2} ]] && mistake "$2" "not set, but $1 is: set both or neither"
    [[ -z ${!1} && -n ${!2} ]] && mistake "$1" "not set, but $2 is: set both or neither"
    return 0
}

check_placeholder() {
    ! is_placeholder "${!1}" || mistake "$1" "still the template's value: $2"
}

# Characters that are hard to see, and that no relay's account contains.
check_copied() {
    local copied
    for copied in "${COPIED_BLANKS[@]}" "${COPIED_INVISIBLE[@]}" "${COPIED_QUOTES[@]}"; do
        [[ ${!1} != *"${copied%%|*}"* ]] ||
            mistake "$1" "holds ${copied##*|}, which pages and word processors add: type the value by hand"
    done
}

check_port() {
    [[ ${!1} =~ ^[1-9][0-9]{0,4}$ && ${!1} -lt 65536 ]] ||
        mistake "$1" "'${!1}' is not a port: give a number from 1 to 65535"
}

check_yes_or_no() {
    [[ ${!1} == yes || ${!1} == no ]] || mistake "$1" "'${!1}' is neither yes nor no: give one of them"
}

check_absolute_path() {
    [[ -z ${!1} || ${!1} =~ ^/[A-Za-z0-9._/@+-]+$ ]] || mistake "$1" "'${!1}' is not an absolute path in the container"
}

# The values in .env.mail, as it is shipped.
is_placeholder() {
    [[ $1 == your-* || $1 == yourdomain.com || $1 == *[@.]yourdomain.com ]]
}

is_domain() {
    local label='[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
    [[ ${#1} -le 253 && $1 =~ ^$label(\.$label)+$ && ! $1 =~ ^[0-9.]+$ ]]
}

# DNS, Postfix and Traefik take ASCII only: müller.example is xn--mller-kva.example there (RFC 5890).
is_international() {
    [[ $1 == *[![:ascii:]]* ]]
}

ascii_form() {
    idn2 -- "$1" 2>/dev/null || echo 'its ASCII form, which begins with xn--'
}

is_host() {
    [[ $1 =~ ^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$ ]]
}

is_address() {
    [[ $1 == *@* && ${1%@*} =~ ^[A-Za-z0-9._+=~\&\'-]{1,64}$ ]] && is_domain "${1##*@}"
}
