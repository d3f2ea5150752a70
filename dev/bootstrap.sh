# shellcheck shell=bash
# Builds debian:trixie-slim without a registry: debootstrap installs the same packages into a folder.

readonly BASE_SUITE=trixie
readonly MACHINE_CERTIFICATES=/usr/local/share/ca-certificates

bootstrap_base_image() {
	local mirror scratch root leftover
	if ! is_root || ! has_apt; then
		stop "$BASE_IMAGE cannot be pulled: no registry answers. Copy it from a machine that has it:
    docker save $BASE_IMAGE | ssh this-machine docker load
or, on Debian:
    sudo dev/setup"
	fi
	refresh_apt_once
	mirror=$(debian_mirror Debian) ||
		stop "$BASE_IMAGE cannot be pulled, and apt has no Debian archive here to build it from. Check the network, then:
    docker pull $BASE_IMAGE"
	command -v debootstrap >/dev/null || install_packages debootstrap
	say "no registry: making $BASE_IMAGE with debootstrap (about 1 min)"
	for leftover in /var/tmp/dinky-mail-base.*; do discard_root "$leftover"; done # of a killed run
	# Not /tmp, which may forbid device files and execution.
	scratch=$(mktemp -d /var/tmp/dinky-mail-base.XXXXXX)
	root=$scratch/root
	# shellcheck disable=SC2064  # the path of now
	trap "discard_root '$scratch'" EXIT
	quietly debootstrap --variant=minbase --include=ca-certificates "$BASE_SUITE" "$root" "$mirror" ||
		fail "debootstrap failed; above, the end of its output"
	trust_machine_certificates "$root"
	write_sources "$root" "$mirror"
	carry_mirror_settings >"$root/etc/apt/apt.conf.d/machine-mirror"
	configure_like_slim "$root"
	upgrade_root "$root"
	trim_root "$root"
	import_root "$root"
	discard_root "$scratch"
	trap - EXIT
}

# debootstrap may leave /proc mounted inside when it is interrupted.
discard_root() {
	umount -q "$1/root/proc" "$1/root/sys" 2>/dev/null || true
	rm -rf --one-file-system "$1"
}

has_machine_certificates() { [[ -n $(find "$MACHINE_CERTIFICATES" -name '*.crt' 2>/dev/null) ]]; }

# Behind a proxy that re-signs TLS, a build can use a package index only with the machine's own certificates.
trust_machine_certificates() {
	has_machine_certificates || return 0
	cp -rL "$MACHINE_CERTIFICATES/." "$1$MACHINE_CERTIFICATES/"
	quietly chroot "$1" update-ca-certificates || fail "the new image does not take this machine's certificates"
}

write_sources() {
	local root=$1 mirror=$2 security
	rm -f "$root/etc/apt/sources.list"
	source_stanza "$mirror" "$BASE_SUITE $BASE_SUITE-updates" >"$root/etc/apt/sources.list.d/debian.sources"
	security=$(debian_mirror Debian-Security) || return 0
	source_stanza "$security" "$BASE_SUITE-security" >>"$root/etc/apt/sources.list.d/debian.sources"
}

source_stanza() {
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
		"$1" "$2" /usr/share/keyrings/debian-archive-keyring.gpg
}

# Copies apt's settings for a proxy and for a mirror with old release files into the image. Not a proxy on the machine's
# loopback, which a build cannot reach.
carry_mirror_settings() {
	apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy) ' |
		grep -vE 'localhost|127\.0\.0\.1|\[::1\]' || true
}

# The settings of the published slim image, so that a build behaves the same on both.
configure_like_slim() {
	local root=$1
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # a package starts no service in a build
	chmod 0755 "$root/usr/sbin/policy-rc.d"
	cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<-'CONF'
		force-unsafe-io
		path-exclude /usr/share/doc/*
		path-include /usr/share/doc/*/copyright
		path-exclude /usr/share/groff/*
		path-exclude /usr/share/info/*
		path-exclude /usr/share/linda/*
		path-exclude /usr/share/lintian/*
		path-exclude /usr/share/locale/*
		path-include /usr/share/locale/locale.alias
		path-exclude /usr/share/man/*
	CONF
	cat >"$root/etc/apt/apt.conf.d/docker" <<-'CONF'
		DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
		APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
		Acquire::Languages "none";
		Acquire::GzipIndexes "true";
		APT::AutoRemove::SuggestsImportant "false";
	CONF
}

# debootstrap installs the release as it was published, without security fixes.
upgrade_root() {
	if ! { quietly chroot "$1" apt-get update -q &&
		quietly chroot "$1" env DEBIAN_FRONTEND=noninteractive apt-get dist-upgrade -y -q; }; then
		fail "apt failed in the new image; above, the end of its output"
	fi
}

trim_root() {
	local root=$1
	find "$root/usr/share/doc" -type f ! -name copyright -delete
	find "$root/usr/share/doc" -depth -mindepth 1 -type d -empty -delete
	find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -rf {} +
	rm -rf "$root"/usr/share/{man,info,groff,lintian,linda}/* "$root"/var/{lib/apt/lists,cache/apt,log,tmp}/* "$root"/tmp/*
	mkdir -p "$root/var/lib/apt/lists/partial" "$root/var/cache/apt/archives/partial"
	rm -f "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/var/cache/ldconfig/aux-cache
	# debootstrap copied those of the machine; the engine gives each container its own.
	rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
}

import_root() {
	local changes=(--change 'CMD ["bash"]') bundle=/etc/ssl/certs/ca-certificates.crt
	if has_machine_certificates; then
		# pip uses the system's certificates by itself; uv and requests need these variables.
		changes+=(--change "ENV SSL_CERT_FILE=$bundle REQUESTS_CA_BUNDLE=$bundle")
	fi
	# The origin is in the message, not in a label, which every image based on this one would inherit.
	tar -C "$1" --numeric-owner -c . |
		docker import "${changes[@]}" --message "stand-in made by dev/setup with debootstrap" - "$BASE_IMAGE" >/dev/null
}
