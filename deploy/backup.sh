#!/bin/sh
# One backup: the database and then the patients' files, encrypted if BACKUP_RECIPIENT is set.
# Run it in the folder of docker-compose.yml:  sh deploy/backup.sh /srv/backups
# BACKUP_RECIPIENT: a GnuPG recipient. KEEP_DAYS: older backups are removed (default 30).
set -eu
umask 077
target=${1:?usage: sh deploy/backup.sh FOLDER}
keep=${KEEP_DAYS:-30}
stamp=$(date -u +%Y%m%dT%H%M%SZ)
work=$target/.unfinished-$stamp
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

# The database first: a file without its row is no harm, a row without its file is.
docker compose exec -T postgres pg_dump --username sulcus --format custom sulcus > "$work/database.dump"
docker compose exec -T web tar --create --file - --directory /var/lib/sulcus media > "$work/media.tar"

if [ -n "${BACKUP_RECIPIENT:-}" ]; then
    for name in database.dump media.tar; do
        gpg --batch --trust-model always --recipient "$BACKUP_RECIPIENT" --encrypt "$work/$name"
        rm "$work/$name"
    done
fi
(cd "$work" && sha256sum -- * > SHA256SUMS)
mv "$work" "$target/sulcus-$stamp"
trap - EXIT
find "$target" -maxdepth 1 -type d -name 'sulcus-*' -mtime "+$keep" -exec rm -rf {} +
echo "$target/sulcus-$stamp"
