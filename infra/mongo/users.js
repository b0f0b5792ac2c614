// Creates the users of the services. MongoDB's image runs this script when its volume is empty; in
// a volume that has data, run it by hand (docs/operate.md).
const { readFileSync } = require('fs');

for (const service of ['history', 'directory']) {
  db.getSiblingDB('hubbub').createUser({
    user: service,
    pwd: readFileSync(`/run/secrets/mongo_${service}_password`, 'utf8').trim(),
    roles: [{ role: 'readWrite', db: 'hubbub' }],
  });
}
