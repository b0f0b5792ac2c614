package load

const haveSwarm = true
