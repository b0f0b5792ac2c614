// Makes the users of the services in a new MongoDB: the image of MongoDB runs this when its volume is empty. In a volume of
// before, run it by hand: docs/operate.md says how.
const { readFileSync } = require('fs');

for (const service of ['history', 'directory']) {
  db.getSiblingDB('hubbub').createUser({
    user: service,
    pwd: readFileSync(`/run/secrets/mongo_${service}_password`, 'utf8').trim(),
    roles: [{ role: 'readWrite', db: 'hubbub' }],
  });
}
