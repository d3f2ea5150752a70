# shellcheck shell=bash
# The variables: their names, defaults and meaning, and reading them. After read_variables each is a plain global
# that is set, if only to nothing.

# name | default | meaning. {X} in a default stands for the value of X, which comes earlier in the list.
VARIABLES=(
    'MAIL_DOMAIN||the domain this server sends for and takes mail for (required)'
    'MAIL_HOSTNAME|mail.{MAIL_DOMAIN}|the name it has in the greeting, the certificate and Received headers'
    'MAIL_USER||the user of the submission port (587); without one nobody can log in there'
    'MAIL_PASSWORD||the password of MAIL_USER'
    'DEFAULT_FROM|noreply@{MAIL_DOMAIN}|the sender of the API'"'"'s mails, as an address or Name <address>; replaces senders of LOCAL_DOMAINS too'
    'FORWARD_EMAIL||where mail for MAIL_DOMAIN and the system'"'"'s own mail goes; one address or several, by comma'
    'FORWARD_RECIPIENTS|all|which addresses of MAIL_DOMAIN are forwarded: all, or names by comma (hi,info); postmaster always is'
    'FORWARD_DAILY_LIMIT|100|mails from outside forwarded in 24 h, then 450; keeps a stranger from spending the relay'"'"'s quota; 0: no limit'
    'FORWARD_CLIENT_SHARE|25|percent of FORWARD_DAILY_LIMIT for one client (IPv4 address, IPv6 /64), then 450; addresses of joined networks have no share; 100: no share'
    'LOCAL_DOMAINS|dinky.local|domains whose mail, from inside, is the system'"'"'s own'
    'SMTP_RELAY_HOST||the relay all mail leaves by (smtp.gmail.com); without one, direct delivery by MX'
    'SMTP_RELAY_PORT|587|587 for STARTTLS, 465 for TLS from the first byte; others: SMTP_RELAY_TLS'
    'SMTP_RELAY_TLS|auto|implicit: TLS from the first byte; starttls: plain first, then STARTTLS; auto: implicit at 465 and 2465, starttls at other ports'
    'SMTP_RELAY_USERNAME||the account at the relay'
    'SMTP_RELAY_PASSWORD||its password; for Gmail an app password, with or without the spaces'
    'SMTP_RELAY_SENDER||the envelope sender of bounces and forwards, for a relay that refuses MAIL FROM:<> or other senders than its own; an address for this alone'
    'SMTP_RELAY_CA_FILE||a CA certificate (PEM) to verify a private relay by, in place of the system'"'"'s'
    'SMTP_RELAY_DAILY_LIMIT|500|recipients that the relay takes in 24 hours'
    'USE_TLS|yes|TLS to the relay; no only for a relay on a joined network'
    'TLS_VERIFY|yes|verify the relay'"'"'s certificate, chain and name; no encrypts without'
    'TLS_CERT_FILE||our certificate (PEM, chain included); unset: a self-signed one'
    'TLS_KEY_FILE||its private key'
    'TRUSTED_NETWORKS||more networks that may relay at port 25, as 10.1.0.0/16, by comma'
    'MESSAGE_SIZE_LIMIT|26214400|bytes a message may have; Gmail takes 25 MB'
    'RELAY_RATE_DELAY|1s|pause between two mails to one destination; with one, a single connection is used'
    'QUEUE_RUN_DELAY|300s|how often the deferred queue is looked through'
    'MINIMAL_BACKOFF_TIME|300s|the first wait of a deferred mail, doubled each time'
    'MAXIMAL_BACKOFF_TIME|3600s|the longest such wait: over the daily limit, mail is tried once an hour'
    'MAXIMAL_QUEUE_LIFETIME|5d|how long a mail is tried before it is returned'
    'MAIL_LOG_ADDRESSES|masked|masked: docker logs shows a***@example.com; full: whole addresses. The file is always full'
    'MAIL_LOG_ROTATE_SIZE|10485760|bytes after which the log file is rotated'
    'MAIL_LOG_ROTATE_AGE|1d|time after which it is'
    'MAIL_LOG_KEEP|14|rotated files kept'
    'QUEUE_LISTEN_NAME|mail-queue|the name that resolves to our address on the internal network, for the queue as JSON on 9025'
)

# Those that name a file themselves: NAME_FILE would be a path to a path.
is_path_variable() {
    [[ $1 == *_FILE ]]
}

# What pages, word processors and editors put into a copied password: the character in UTF-8, and its name.
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
        SMTP_RELAY_SENDER USE_TLS TLS_VERIFY \
        MAIL_LOG_ADDRESSES
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
        mistake "$file_variable" "there is no readable file $file: mount the secret there"
    else
        printf -v "$name" %s "$(<"$file")"
        printf -v "$name" %s "${!name#$'\xef\xbb\xbf'}" # some editors on Windows begin a file with it
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
    [[ ${!1} =~ ^$name[[:space:]]*\<([^<>]*)\>$ ]] || return 0
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
