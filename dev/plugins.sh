# shellcheck shell=bash
# Compose and Buildx, as plugins of the docker command.

readonly COMPOSE_WANTED=2.24 # the first that understands `!override` and `!reset`
readonly BUILDX_WANTED=0.10
# Not the package manager's folder; docker searches here before /usr/libexec.
readonly PLUGIN_FOLDER=/usr/local/lib/docker/cli-plugins
# Newest first: plugins are one Go binary each, and run on older systems.
readonly NEWER_SUITES="sid trixie"

ensure_plugins() {
	ensure_plugin compose "$COMPOSE_WANTED" docker-compose docker-compose-v2 docker-compose-plugin
	ensure_plugin buildx "$BUILDX_WANTED" docker-buildx docker-buildx-plugin
	ensure_compose_command
}

plugin_is_fine() { at_least "$2" "$(plugin_version docker "$1")"; } # plugin_is_fine NAME WANTED

# The outputs of `compose` and `buildx` differ; both contain one version number.
plugin_version() { "$@" version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | sed -n 1p || true; }

ensure_plugin() { # ensure_plugin NAME WANTED PACKAGE…
	local name=$1 wanted=$2 package
	shift 2
	! plugin_is_fine "$name" "$wanted" || return 0
	if ! is_root || ! has_apt; then
		stop "docker $name $wanted or newer is missing. Install it (packages: $*), or on Debian:
    sudo dev/setup"
	fi
	refresh_apt_once
	for package in "$@"; do
		if at_least "$wanted" "$(apt_candidate "$package")"; then
			say "installing $package with apt"
			install_packages "$package"
			plugin_is_fine "$name" "$wanted" && return
		fi
	done
	if ! { fetch_plugin "$name" "$1" && plugin_is_fine "$name" "$wanted"; }; then
		fail "no docker $name $wanted or newer in this machine's package sources ($*)"
	fi
}

# The machine's suite has only an older plugin. A newer suite of the same archive has it; apt gets separate lists, so that
# the machine's sources and upgrades do not change.
fetch_plugin() { # fetch_plugin NAME PACKAGE
	local name=$1 package=$2 suite mirror scratch binary
	mirror=$(debian_mirror Debian) || return 1
	scratch=$(mktemp -d)
	for suite in $NEWER_SUITES; do
		say "fetching docker $name from Debian $suite (about 10 s)"
		rm -rf "${scratch:?}/$suite"
		download_package "$scratch/$suite" "$mirror" "$suite" "$package" || continue
		binary=$(find "$scratch/$suite/unpacked" -path '*/cli-plugins/*' -name "docker-$name" -type f | sed -n 1p)
		# It must also run here: it can need a newer libc.
		[[ -n $binary && -n $(plugin_version "$binary") ]] || continue
		install -D -m 0755 "$binary" "$PLUGIN_FOLDER/docker-$name"
		rm -rf "$scratch"
		return
	done
	rm -rf "$scratch"
	return 1
}

download_package() { # download_package FOLDER MIRROR SUITE PACKAGE: the package's files are in FOLDER/unpacked
	local folder=$1 mirror=$2 suite=$3 package=$4 keys=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$folder"/{lists/partial,cache/archives/partial,unpacked}
	printf 'deb [signed-by=%s] %s %s main\n' "$keys" "$mirror" "$suite" >"$folder/sources.list"
	local apt=(apt-get -q
		-o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache"
		-o Acquire::Languages=none -o APT::Sandbox::User=root)
	(
		cd "$folder" || exit
		quietly "${apt[@]}" update && quietly "${apt[@]}" download "$package" && dpkg-deb -x ./*.deb unpacked
	)
}

# Some guides write `docker-compose`.
ensure_compose_command() {
	local command=/usr/local/bin/docker-compose there
	if there=$(command -v docker-compose); then
		at_least 2.0 "$(plugin_version docker-compose)" ||
			say "$there is Compose 1 and stays as it is: write \`docker compose\` instead"
		return 0
	fi
	is_root || return 0
	say "adding $command, which calls docker compose"
	# shellcheck disable=SC2016  # "$@" belongs to the file written
	printf '#!/bin/sh\nexec docker compose "$@"\n' >"$command"
	chmod 0755 "$command"
}
