# shellcheck shell=bash
# Which networks this container is on, from /proc/net/route: no tool for it is installed, and the kernel knows best.

# The containers' side of trust, for mynetworks: `!gateway` first (the first match decides), then the networks.
# Docker may show an outside client as the network's gateway, so a gateway is trusted by nothing that follows.
internal_networks() {
    local network gateway
    for gateway in $(gateways); do
        printf '!%s ' "$gateway"
    done
    printf '127.0.0.0/8'
    for network in $(joined_networks) $(items "$TRUSTED_NETWORKS"); do
        printf ' %s' "$network"
    done
}

# Networks with an interface of ours, as 172.18.0.0/16.
joined_networks() {
    local destination gateway mask
    while read -r _ destination gateway _ _ _ _ mask _; do
        [[ $gateway == 00000000 && $destination != 00000000 ]] || continue
        printf '%s/%d\n' "$(address_of "$(from_kernel "$destination")")" "$(prefix_length "$(from_kernel "$mask")")"
    done < <(tail -n +2 /proc/net/route) | sort -u
}

# The first address of each joined network (Docker's choice unless told otherwise), and every router in the table.
gateways() {
    local network gateway
    {
        for network in $(joined_networks); do
            address_of "$(($(number_of "${network%/*}") + 1))"
            echo
        done
        while read -r _ _ gateway _; do
            [[ $gateway == 00000000 ]] || { address_of "$(from_kernel "$gateway")"; echo; }
        done < <(tail -n +2 /proc/net/route)
    } | sort -u
}

is_on_joined_network() {
    local network
    for network in $(joined_networks); do
        is_inside "$1" "$network" && return 0
    done
    return 1
}

# An address, or a name with all its addresses, on the joined networks. A name that nobody has now may be a container's
# that starts later; those have no dot.
is_near() {
    local address seen=
    while read -r address _; do
        is_on_joined_network "$address" || return 1
        seen=yes
    done < <(getent ahostsv4 "$1" || true)
    [[ -n $seen || $1 != *.* ]]
}

# Our own address that a network alias resolves to, or nothing.
own_address_of_name() {
    local candidate own
    while read -r candidate _; do
        for own in $(hostname -I); do
            if [[ $candidate == "$own" ]]; then
                echo "$own"
                return
            fi
        done
    done < <(getent ahostsv4 "$1" || true)
}

# ---- Arithmetic on addresses

# Without bits below its mask: with 10.1.2.3/16 in mynetworks Postfix answers 451 to clients there.
is_network() {
    [[ $1 == */* && ${1#*/} =~ ^([0-9]|[12][0-9]|3[0-2])$ ]] && is_ipv4 "${1%/*}" &&
        (($(number_of "${1%/*}") % (1 << (32 - ${1#*/})) == 0))
}

is_ipv4() {
    local octet='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
    [[ $1 =~ ^$octet\.$octet\.$octet\.$octet$ ]]
}

is_inside() {
    is_ipv4 "$1" || return 1
    local shift=$((32 - ${2#*/}))
    (($(number_of "$1") >> shift == $(number_of "${2%/*}") >> shift))
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
