# shellcheck shell=bash
# Variables: names, defaults, descriptions, and reading them. After read_variables, each is a global variable that is
# set, possibly to an empty text.

# name | default | description. {X} in a default is the value of X, which is before it in the list.
VARIABLES=(
    'MAIL_DOMAIN||the domain of your sites: this server sends for it and accepts its mail (required)'
    'MAIL_HOSTNAME|mail.{MAIL_DOMAIN}|the host name in the greeting, the certificate and Received headers'
    'MAIL_USER||the user of the submission port (587); without it the port accepts no login'
    'MAIL_PASSWORD||the password of MAIL_USER'
    'DEFAULT_FROM|noreply@{MAIL_DOMAIN}|the sender of the API'"'"'s mails, as an address or Name <address>; replaces senders of LOCAL_DOMAINS too'
    'FORWARD_EMAIL||the recipient of mail for MAIL_DOMAIN and of system mail: one address, or several separated by commas'
    'FORWARD_RECIPIENTS|all|forwarded addresses of MAIL_DOMAIN: all, or names separated by commas (hi,info); postmaster is always forwarded'
    'FORWARD_DAILY_LIMIT|100|mails from outside that are forwarded in 24 h; further ones are answered 450. Protects the relay'"'"'s quota; 0: no limit'
    'FORWARD_CLIENT_SHARE|25|percent of FORWARD_DAILY_LIMIT that one client (IPv4 address, IPv6 /64) may use, then 450; does not apply to addresses of joined networks; 100: off'
    'LOCAL_DOMAINS|dinky.local|domains of system mail, such as alerts of containers: delivered to FORWARD_EMAIL'
    'SMTP_RELAY_HOST||the relay for all outgoing mail (smtp.gmail.com); without it, mail is delivered directly to MX hosts'
    'SMTP_RELAY_PORT|587|port of the relay: 587 for STARTTLS, 465 for TLS from the first byte; for others see SMTP_RELAY_TLS'
    'SMTP_RELAY_TLS|auto|how TLS begins: implicit (TLS from the first byte), starttls (plain text, then STARTTLS), or auto (implicit at 465 and 2465, starttls at other ports)'
    'SMTP_RELAY_USERNAME||the account at the relay'
    'SMTP_RELAY_PASSWORD||its password; for Gmail an app password, with or without the spaces'
    'SMTP_RELAY_SENDER||the envelope sender of bounces and forwards, for a relay that rejects MAIL FROM:<> or senders of other domains; use the address for nothing else'
    'SMTP_RELAY_CA_FILE||the CA certificate (PEM) of a private relay, instead of the system'"'"'s CA certificates'
    'SMTP_RELAY_DAILY_LIMIT|500|the relay'"'"'s limit of recipients in 24 hours'
    'USE_TLS|yes|TLS to the relay; use no only for a relay on a joined network'
    'TLS_VERIFY|yes|verify chain and name of the relay'"'"'s certificate; no: encrypt without verification'
    'TLS_CERT_FILE||the server'"'"'s certificate (PEM, with its chain); without it, a self-signed one'
    'TLS_KEY_FILE||its private key'
    'INET_PROTOCOLS|ipv4|versions of IP: ipv4, or all (with IPv6, which needs an IPv6 subnet on a joined network)'
    'TRUSTED_NETWORKS||further networks that may relay at port 25, such as 10.1.0.0/16 or fd00:1:2:3::/64, separated by commas'
    'MESSAGE_SIZE_LIMIT|26214400|maximum size of a message in bytes; Gmail accepts 25 MB'
    'RELAY_RATE_DELAY|1s|pause between two mails to one destination, which then has a single connection; 0s: no pause'
    'QUEUE_RUN_DELAY|300s|interval of scans of the deferred queue'
    'MINIMAL_BACKOFF_TIME|300s|the first delay of a deferred mail; it doubles with each attempt'
    'MAXIMAL_BACKOFF_TIME|3600s|the longest delay between two attempts of a deferred mail'
    'MAXIMAL_QUEUE_LIFETIME|5d|how long delivery is tried before a mail is returned'
    'MAIL_LOG_ADDRESSES|masked|addresses in docker logs: masked (a***@example.com) or full. The log file always has full addresses'
    'MAIL_LOG_ROTATE_SIZE|10485760|size in bytes at which the log file is rotated'
    'MAIL_LOG_ROTATE_AGE|1d|age at which the log file is rotated'
    'MAIL_LOG_KEEP|14|number of rotated files that are kept'
    'QUEUE_LISTEN_NAME|mail-queue|the network alias of the internal network, on which port 9025 lists the queue as JSON'
)

# Variables that are paths: they have no NAME_FILE.
is_path_variable() {
    [[ $1 == *_FILE ]]
}

# Characters that web pages, word processors and editors add to a copied password: in UTF-8, and their names.
# check/mail_check/app_password.py has the same list; a contract test compares what both do.
COPIED_BLANKS=(
    $'\xc2\xa0|a no-break space (U+00A0)'
    $'\xe2\x80\x87|a figure space (U+2007)'
    $'\xe2\x80\x89|a thin space (U+2009)'
    $'\xe2\x80\xaf|a narrow no-break space (U+202F)'
    $'\xe3\x80\x80|an ideographic space (U+3000)'
)
COPIED_INVISIBLE=(
    $'\xef\xbb\xbf|a byte order mark (U+FEFF)'
    $'\xe2\x80\x8b|a zero-width space (U+200B)'
    $'\xe2\x80\x8c|a zero-width non-joiner (U+200C)'
    $'\xe2\x80\x8d|a zero-width joiner (U+200D)'
    $'\xe2\x81\xa0|a word joiner (U+2060)'
    $'\xc2\xad|a soft hyphen (U+00AD)'
)
COPIED_QUOTES=(
    $'\xe2\x80\x9c|a left double quotation mark (U+201C)'
    $'\xe2\x80\x9d|a right double quotation mark (U+201D)'
    $'\xe2\x80\x9e|a low double quotation mark (U+201E)'
    $'\xe2\x80\x98|a left single quotation mark (U+2018)'
    $'\xe2\x80\x99|a right single quotation mark (U+2019)'
    $'\xe2\x80\x9a|a low single quotation mark (U+201A)'
    $'\xc2\xab|a left angle quotation mark (U+00AB)'
    $'\xc2\xbb|a right angle quotation mark (U+00BB)'
)

print_variables() {
    local row name default meaning
    for row in "${VARIABLES[@]}"; do
        IFS='|' read -r name default meaning <<<"$row"
        is_path_variable "$name" && name+=' *'
        printf '  %-24s %s [%s]\n' "$name" "$meaning" "$default"
    done
}

read_variables() {
    local row name default
    for row in "${VARIABLES[@]}"; do
        IFS='|' read -r name default _ <<<"$row"
        is_path_variable "$name" || read_from_file "$name"
        trim "$name"
        [[ -n ${!name} ]] || printf -v "$name" %s "$(fill_in "$default")"
    done
    join_app_password
    take_address DEFAULT_FROM
    lower_case MAIL_DOMAIN MAIL_HOSTNAME LOCAL_DOMAINS FORWARD_RECIPIENTS SMTP_RELAY_HOST SMTP_RELAY_TLS \
        SMTP_RELAY_SENDER USE_TLS TLS_VERIFY INET_PROTOCOLS MAIL_LOG_ADDRESSES
    as_yes_or_no USE_TLS
    as_yes_or_no TLS_VERIFY
}

# NAME_FILE=/run/secrets/x gives NAME the text of that file.
read_from_file() {
    local name=$1 file_variable=$1_FILE
    local file=${!file_variable:-}
    [[ -n $file ]] || return 0
    if [[ -n ${!name:-} ]]; then
        mistake "$file_variable" "$name is set as well: keep one of the two"
    elif [[ ! -f $file || ! -r $file ]]; then
        mistake "$file_variable" "$(describe_unreadable "$file"): mount the secret there"
    else
        printf -v "$name" %s "$(<"$file")"
        printf -v "$name" %s "${!name#$'\xef\xbb\xbf'}" # some editors on Windows begin a file with it
    fi
}

# This container's root may read every file, unless SELinux forbids it.
describe_unreadable() {
    local folder=${1%/*}
    if [[ $(cat -- "$1" 2>&1 >/dev/null || true) == *'Permission denied' ]]; then
        echo "permission denied for $1 (with SELinux a mount needs :z, docs/troubleshooting.md#selinux)"
    elif [[ -d $folder && -z $(ls -A "$folder") ]]; then
        echo "there is no file $1, and its folder is empty (Docker creates a SECRETS_DIR that does not exist)"
    else
        echo "there is no readable file $1"
    fi
}

# White space around a value, and the carriage return of a file edited on Windows, are never meant.
trim() {
    local value=${!1:-}
    value=${value%"${value##*[![:space:]]}"}
    value=${value#"${value%%[![:space:]]*}"}
    printf -v "$1" %s "$value"
}

# `Shop <hi@example.org>`: the API writes the name, the server needs the address alone.
take_address() {
    local name='("[^"]+"|[^]<>@"();:\]*)'
    [[ ${!1} =~ ^${name}[[:space:]]*\<([^<>]*)\>$ ]] || return 0
    printf -v "$1" %s "${BASH_REMATCH[2]}"
    trim "$1"
}

# Google shows app passwords in four groups of four; the spaces are not part of them, and neither is what a page or an
# editor adds. Other passwords are left as they are: check_copied names what does not belong there.
join_app_password() {
    local copied character group='[A-Za-z0-9]{4}' password=$SMTP_RELAY_PASSWORD
    for copied in "${COPIED_BLANKS[@]}"; do
        password=${password//"${copied%%|*}"/ }
    done
    for copied in "${COPIED_INVISIBLE[@]}"; do
        password=${password//"${copied%%|*}"/}
    done
    trim password
    for copied in "${COPIED_QUOTES[@]}"; do
        character=${copied%%|*}
        password=${password#"$character"}
        password=${password%"$character"}
    done
    trim password
    [[ $password =~ ^$group$group$group$group$ || $password =~ ^$group\ +$group\ +$group\ +$group$ ]] || return 0
    SMTP_RELAY_PASSWORD=${password// /}
}

fill_in() {
    local text=$1
    [[ $text == *'{MAIL_DOMAIN}'* && -z $MAIL_DOMAIN ]] && return
    printf %s "${text//'{MAIL_DOMAIN}'/$MAIL_DOMAIN}"
}

lower_case() {
    local name
    for name; do
        printf -v "$name" %s "${!name,,}"
    done
}

as_yes_or_no() {
    case ${!1} in
    true | on | 1) printf -v "$1" yes ;;
    false | off | 0) printf -v "$1" no ;;
    esac
}

# TLS from the first byte (RFC 8314): by SMTP_RELAY_TLS, else by the port.
relay_has_implicit_tls() {
    case $SMTP_RELAY_TLS in
    auto) is_implicit_tls_port "$SMTP_RELAY_PORT" ;;
    *) [[ $SMTP_RELAY_TLS == implicit ]] ;;
    esac
}

# 465 by RFC 8314; 2465 is Amazon SES's second port for the same.
is_implicit_tls_port() {
    [[ $1 == 465 || $1 == 2465 ]]
}

# One item a line, from a list separated by commas or white space.
items() {
    local item
    local -a list
    IFS=$', \t\n' read -r -d '' -a list <<<"$1" || true
    for item in "${list[@]}"; do
        [[ -n $item ]] && printf '%s\n' "$item"
    done
}

first_item() {
    items "$1" | head -n 1
}

# 90, 90s, 15m, 2h, 1d or 1w in seconds.
seconds_of() {
    local -A unit=([s]=1 [m]=60 [h]=3600 [d]=86400 [w]=604800)
    local letter=${1##*[0-9]}
    echo $((${1%[smhdw]} * ${unit[${letter:-s}]}))
}

# The configuration has been written: nothing that runs from here on needs the passwords.
forget_secrets() {
    unset MAIL_PASSWORD SMTP_RELAY_PASSWORD
}
