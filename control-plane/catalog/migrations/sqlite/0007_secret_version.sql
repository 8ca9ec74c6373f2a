-- Which version of its secret set a deployment gives its instances (docs/compatibility.md); NULL: the request did not say.
ALTER TABLE deployments ADD COLUMN secret_version TEXT CHECK (secret_version IN ('pinned', 'latest'));
UPDATE deployments SET secret_version =
  (SELECT trim(s.value, '"') FROM deployment_settings s
    WHERE s.deployment_id = deployments.id AND s.name = 'secretVersion');
DELETE FROM deployment_settings WHERE name = 'secretVersion';
