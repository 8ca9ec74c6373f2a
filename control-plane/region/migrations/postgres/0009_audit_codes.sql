-- The authority code of a record (audit/coded_record.h). A record without one is not chained.
ALTER TABLE audit ADD COLUMN code bytea;
CREATE OR REPLACE VIEW audit_records AS
  SELECT id, at, actor_kind, actor_id, actor_name, address, organization_id, organization, action, object, detail,
         outcome, position, prev, hash, code
    FROM audit;
