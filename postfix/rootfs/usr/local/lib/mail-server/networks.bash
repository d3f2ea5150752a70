# shellcheck shell=bash
# The networks that this container has joined, from /proc/net, because no tool for it is installed.

readonly UNSPECIFIED_IPV6=00000000000000000000000000000000

uses_ipv6() {
    [[ $INET_PROTOCOLS == all ]]
}

# The trusted networks of containers, for mynetworks: `!gateway` first (the first match decides), then the networks.
# Docker may show an outside client as the network's gateway, so no network that follows makes a gateway trusted.
internal_networks() {
    local network gateway
    for gateway in $(gateways); do
        printf '!%s ' "$(in_brackets "$gateway")"
    done
    printf '127.0.0.0/8'
    ! uses_ipv6 || printf ' [::1]/128'
    for network in $(joined_networks) $(items "$TRUSTED_NETWORKS"); do
        printf ' %s' "$(in_brackets "$network")"
    done
}

# That list for the log.
trust_in_words() {
    local word networks='' gateways=''
    for word in $1; do
        [[ $word == !* ]] && gateways+=" ${word#!}" || networks+=" $word"
    done
    echo "${networks# }${gateways:+, but not from the gateways$gateways}"
}

# Postfix's form of an IPv6 address or network: [fd00::1], [fd00::]/64. Other texts stay as they are.
in_brackets() {
    local address=${1%/*}
    [[ $1 == *:* ]] && echo "[$address]${1#"$address"}" || echo "$1"
}

# Networks with an interface of ours, as 172.18.0.0/16 or fd00:1:2:3::/64.
joined_networks() {
    joined_ipv4_networks
    ! uses_ipv6 || joined_ipv6_networks
}

joined_ipv4_networks() {
    local destination gateway mask
    while read -r _ destination gateway _ _ _ _ mask _; do
        [[ $gateway == 00000000 && $destination != 00000000 ]] || continue
        printf '%s/%d\n' "$(address_of "$(from_kernel "$destination")")" "$(prefix_length "$(from_kernel "$mask")")"
    done < <(tail -n +2 /proc/net/route) | sort -u
}

joined_ipv6_networks() {
    local destination length
    while read -r destination length; do
        echo "$(ipv6_from_kernel "$destination")/$length"
    done < <(ipv6_subnets)
}

# Subnets of our interfaces: 32 hexadecimal digits, and the prefix length. Not link-local (fe80::/10) or multicast (ff00::/8),
# no single address, and nothing that is wider than a provider's /32.
ipv6_subnets() {
    local destination length gateway device
    while read -r destination length _ _ gateway _ _ _ _ device; do
        [[ $gateway == "$UNSPECIFIED_IPV6" && $device != lo && $destination != f[ef]* ]] || continue
        ((16#$length < 32 || 16#$length == 128)) || echo "$destination $((16#$length))"
    done < <(ipv6_routes) | sort -u
}

# There is no such file where the kernel has no IPv6.
ipv6_routes() {
    cat /proc/net/ipv6_route 2>/dev/null || true
}

# The first address of each joined network (Docker's default for the gateway), and every router in the table.
gateways() {
    ipv4_gateways
    ! uses_ipv6 || ipv6_gateways
}

ipv4_gateways() {
    local network gateway
    {
        for network in $(joined_ipv4_networks); do
            address_of "$(($(number_of "${network%/*}") + 1))"
            echo
        done
        while read -r _ _ gateway _; do
            [[ $gateway == 00000000 ]] || { address_of "$(from_kernel "$gateway")"; echo; }
        done < <(tail -n +2 /proc/net/route)
    } | sort -u
}

# A link-local router is on no list of trusted networks.
ipv6_gateways() {
    local destination gateway
    {
        while read -r destination _; do
            ipv6_from_kernel "${destination:0:31}$(printf %x $((16#${destination:31} + 1)))"
        done < <(ipv6_subnets)
        while read -r _ _ _ _ gateway _; do
            [[ $gateway == "$UNSPECIFIED_IPV6" || $gateway == fe* ]] || ipv6_from_kernel "$gateway"
        done < <(ipv6_routes)
    } | sort -u
}

# The part of the routing tables that decides the two lists. Not the counters of uses, which change all the time.
routes() {
    cat /proc/net/route
    ! uses_ipv6 || ipv6_routes | cut --delimiter=' ' --fields=1,2,5
}

is_on_joined_network() {
    local network
    for network in $(joined_networks); do
        is_inside "$1" "$network" && return 0
    done
    return 1
}

# Whether an address, or all addresses of a name, are on the joined networks. A name without a dot that does not resolve
# counts too: it can be a container that starts later.
is_near() {
    local address seen=
    while read -r address; do
        is_on_joined_network "$address" || return 1
        seen=yes
    done < <(addresses_of "$1")
    [[ -n $seen || $1 != *.* ]]
}

# Addresses of a name as Postfix finds them, IPv4 first. ahostsv6 prints ::ffff:192.0.2.1 for an IPv4 address.
addresses_of() {
    { getent ahostsv4 "$1" || true; } | cut --delimiter=' ' --fields=1 | sort --unique
    ! uses_ipv6 ||
        { getent ahostsv6 "$1" || true; } | cut --delimiter=' ' --fields=1 | sed '/^::ffff:/d' | sort --unique
}

# Our own address that a network alias resolves to, or nothing.
own_address_of_name() {
    local candidate own
    while read -r candidate; do
        for own in $(hostname -I); do
            if [[ $candidate == "$own" ]]; then
                echo "$own"
                return
            fi
        done
    done < <(addresses_of "$1")
}

# ---- Arithmetic on addresses

# Without bits below its mask: with 10.1.2.3/16 in mynetworks Postfix answers 451 to clients there.
is_network() {
    is_ipv4_network "$1" || is_ipv6_network "$1"
}

is_ipv4_network() {
    [[ $1 == */* && ${1#*/} =~ ^([0-9]|[12][0-9]|3[0-2])$ ]] && is_ipv4 "${1%/*}" &&
        (($(number_of "${1%/*}") % (1 << (32 - ${1#*/})) == 0))
}

is_ipv6_network() {
    [[ $1 == *:*/* && ${1#*/} =~ ^([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])$ ]] || return 1
    local bits
    bits=$(ipv6_bits "${1%/*}")
    [[ -n $bits && ${bits:${1#*/}} != *1* ]]
}

is_ipv4() {
    local octet='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
    [[ $1 =~ ^$octet\.$octet\.$octet\.$octet$ ]]
}

is_inside() {
    case $1-$2 in
    *:*-*:*)
        local bits network_bits length=${2#*/}
        bits=$(ipv6_bits "$1") network_bits=$(ipv6_bits "${2%/*}")
        [[ -n $bits && ${bits:0:length} == "${network_bits:0:length}" ]]
        ;;
    *:*) return 1 ;;
    *)
        is_ipv4 "$1" || return 1
        local shift=$((32 - ${2#*/}))
        (($(number_of "$1") >> shift == $(number_of "${2%/*}") >> shift))
        ;;
    esac
}

# 128 binary digits; nothing for a text that is no IPv6 address.
ipv6_bits() {
    perl -MSocket=AF_INET6,inet_pton -e 'print unpack "B*", inet_pton(AF_INET6, $ARGV[0]) // q{}' -- "$1"
}

# fd000001000200030000000000000000 is fd00:1:2:3::.
ipv6_from_kernel() {
    perl -MSocket=AF_INET6,inet_ntop -e 'print inet_ntop(AF_INET6, pack "H*", $ARGV[0]), "\n"' -- "$1"
}

# The kernel prints addresses as little-endian hex: 000012AC is 172.18.0.0.
from_kernel() {
    echo $((16#${1:6:2}${1:4:2}${1:2:2}${1:0:2}))
}

number_of() {
    local a b c d
    IFS=. read -r a b c d <<<"$1"
    echo $(((a << 24) + (b << 16) + (c << 8) + d))
}

address_of() {
    printf '%d.%d.%d.%d' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255))
}

prefix_length() {
    local mask=$1 length=0
    while ((mask & 0x80000000)); do
        length=$((length + 1)) mask=$((mask << 1 & 0xFFFFFFFF))
    done
    echo "$length"
}
