-- Reserved names (core/reserved_names.h) that an organization's sets may have all the same.
CREATE TABLE allowed_names (
  organization_id INTEGER NOT NULL REFERENCES organizations (id),
  name            TEXT NOT NULL,
  PRIMARY KEY (organization_id, name)
) STRICT, WITHOUT ROWID;
