#!/bin/sh
# Finds or installs the servers that the tests run beside our own: nginx, Caddy,
# HAProxy, PostgreSQL, PgBouncer and Prometheus; and curl, fish, OpenSSL and the
# languages of tests and of docs/testing.md: PHP, Python, Node and Java; with "soak"
# those of the soak too: Patroni and etcd. As root it takes them from Debian's packages;
# else it says what is missing.
set -eu

missing=""
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
command -v caddy >/dev/null || missing="$missing caddy"
command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || missing="$missing haproxy"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$missing postgresql"
command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing="$missing pgbouncer"
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing="$missing prometheus"
for program in curl fish openssl php python3; do
	command -v $program >/dev/null || missing="$missing $(echo $program | sed s/^php/php-cli/)"
done
command -v php >/dev/null && php -m | grep -qi '^curl$' || missing="$missing php-curl"
command -v node >/dev/null || missing="$missing nodejs"
command -v javac >/dev/null || missing="$missing default-jdk-headless"
if [ "${1:-}" = soak ]; then
	command -v patroni >/dev/null || missing="$missing patroni"
	command -v etcd >/dev/null || missing="$missing etcd-server"
fi
command -v chromium >/dev/null || missing="$missing chromium"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ]; then
	echo "the tests need these Debian packages:$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || true
# Installed servers must not start by themselves: the tests start their own.
if [ ! -e /usr/sbin/policy-rc.d ]; then
	printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
	chmod +x /usr/sbin/policy-rc.d
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get install -y --no-install-recommends $missing
