#!/bin/sh
# Makes Temporal's two databases and brings their tables up to date. May be run again.
set -eu

schemas=${SCHEMAS:-/etc/temporal/schema/postgresql/v12}
tool=${SQL_TOOL:-temporal-sql-tool}

# The tool reads its connection from SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD.
for database in temporal temporal_visibility; do
  folder=$([ "$database" = temporal ] && echo temporal || echo visibility)
  "$tool" --database "$database" create-database
  # A database that has its version table already keeps it.
  "$tool" --database "$database" setup-schema --version 0.0 || true
  "$tool" --database "$database" update-schema --schema-dir "$schemas/$folder/versioned"
done
