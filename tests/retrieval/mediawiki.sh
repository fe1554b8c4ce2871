#!/usr/bin/env bash
# A wiki in FOLDER, with the pages of FOLDER/dump.xml, served at 127.0.0.1:PORT until it is ended. Needs Debian's packages mediawiki, php-cli,
# php-sqlite3, php-mbstring, php-xml and php-intl. The installed files stay as they are.
#
#     tests/retrieval/mediawiki.sh FOLDER PORT
set -euo pipefail
folder=$1 port=$2 root=/usr/share/mediawiki
export MW_CONFIG_FILE=$folder/LocalSettings.php
php $root/maintenance/install.php --dbtype sqlite --dbname wiki --dbpath "$folder" --pass a-passphrase-for-loopback --scriptpath "" \
    --server "http://127.0.0.1:$port" --confpath "$folder" --extensions=TextExtracts Wiki Admin
php $root/maintenance/importDump.php --no-updates "$folder/dump.xml"
php $root/maintenance/rebuildtextindex.php
exec php -S "127.0.0.1:$port" -t $root
