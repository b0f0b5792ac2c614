package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/alexedwards/argon2id"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

// parts are the parts of the service. Each owns its state and its behaviour, and uses only parts
// above it.
type parts struct {
	records         *records
	serverRecord    *serverRecord
	nameRules       *nameRules
	tickets         *tickets
	changes         *changes
	rights          *rights
	privacy         *privacy
	auditLog        *auditLog
	quotas          *quotas
	views           *views
	lookup          *lookup
	publicRooms     *publicRooms
	logins          *logins
	letters         *letters
	invitationLinks *invitationLinks
	membership      *membership
	blocks          *blocks
	retentions      *retentions
	mutes           *mutes
	holds           *holds
	customEmoji     *customEmoji
	networks        *networks
	passwords       *passwords
	admissions      *admissions
	directs         *directs
	invitations     *invitations
	operators       *operators
	copies          *copies
	addresses       *addresses
	sessions        *sessions
	groups          *groups
	members         *members
	bans            *bans
	departures      *departures
	accounts        *accounts
	rooms           *rooms
	purges          *purges
	users           *users
	push            *push
	reports         *reports
	setup           *setup
	reach           *reach
	userPreferences *userPreferences
	digests         *digests
	imports         *imports
	ownAccount      *ownAccount
	overview        *overview
	commands        *commands
}

// newParts returns the parts, wired with each other. announce is as Deps.Setup.
func newParts(c *core, k *keys, proxies clientaddr.Proxies, announce func(secret string, life time.Duration)) (*parts, error) {
	mailing, err := newMailing(c.cfg, c.log, c.metrics)
	if err != nil {
		return nil, err
	}
	hasher := password.NewHasher(c.cfg.HashParallel, argon2id.Params{
		Memory: c.cfg.HashMemory, Iterations: c.cfg.HashTime, Parallelism: 1, SaltLength: 16, KeyLength: 32,
	})
	decoy, err := hasher.Hash("nobody's password")
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	p := &parts{}
	p.records = &records{core: c}
	p.serverRecord = &serverRecord{core: c}
	p.nameRules = &nameRules{core: c}
	p.tickets = &tickets{core: c}
	p.changes = &changes{core: c, records: p.records}
	p.rights = &rights{core: c, records: p.records, serverRecord: p.serverRecord}
	p.privacy = &privacy{core: c, serverRecord: p.serverRecord}
	p.auditLog = &auditLog{core: c, rights: p.rights}
	p.quotas = &quotas{core: c, rights: p.rights}
	p.views = &views{core: c, serverRecord: p.serverRecord, rights: p.rights}
	p.lookup = &lookup{core: c, records: p.records, rights: p.rights}
	p.publicRooms = &publicRooms{core: c, records: p.records, rights: p.rights}
	p.logins = &logins{core: c, changes: p.changes, auditLog: p.auditLog}
	p.letters = &letters{core: c, tickets: p.tickets, auditLog: p.auditLog, mailing: mailing}
	p.invitationLinks = &invitationLinks{
		core: c, records: p.records, serverRecord: p.serverRecord, rights: p.rights, auditLog: p.auditLog, quotas: p.quotas,
	}
	p.membership = &membership{core: c, records: p.records, changes: p.changes, rights: p.rights, quotas: p.quotas}
	p.blocks = &blocks{core: c, records: p.records, changes: p.changes, quotas: p.quotas}
	p.retentions = &retentions{
		core: c, records: p.records, serverRecord: p.serverRecord, changes: p.changes, rights: p.rights, auditLog: p.auditLog,
	}
	p.mutes = &mutes{core: c, records: p.records, changes: p.changes, rights: p.rights, auditLog: p.auditLog}
	p.holds = &holds{core: c, records: p.records, auditLog: p.auditLog}
	p.customEmoji = &customEmoji{core: c, records: p.records, rights: p.rights, auditLog: p.auditLog, quotas: p.quotas}
	p.networks = &networks{
		core: c, records: p.records, serverRecord: p.serverRecord, changes: p.changes, rights: p.rights, auditLog: p.auditLog,
		logins: p.logins, cache: netCache{fresh: networksFresh}, proxies: proxies,
	}
	p.passwords = &passwords{
		core: c, records: p.records, serverRecord: p.serverRecord, tickets: p.tickets, changes: p.changes, rights: p.rights,
		auditLog: p.auditLog, logins: p.logins, letters: p.letters, decoy: decoy,
		guessing: newGuessing(c.cfg.LoginAttempts, time.Minute), hasher: hasher,
		succeeded: newThrottle(c.cfg.LoginAttempts*successFactor, time.Minute),
	}
	p.admissions = &admissions{
		core: c, records: p.records, serverRecord: p.serverRecord, auditLog: p.auditLog, logins: p.logins, letters: p.letters,
		invitationLinks: p.invitationLinks,
	}
	p.directs = &directs{
		core: c, records: p.records, changes: p.changes, rights: p.rights, privacy: p.privacy, quotas: p.quotas, views: p.views,
		membership: p.membership,
	}
	p.invitations = &invitations{
		core: c, records: p.records, changes: p.changes, rights: p.rights, privacy: p.privacy, auditLog: p.auditLog,
		quotas: p.quotas, views: p.views, membership: p.membership,
	}
	p.operators = &operators{
		core: c, records: p.records, serverRecord: p.serverRecord, rights: p.rights, auditLog: p.auditLog, membership: p.membership,
	}
	p.copies = &copies{
		core: c, records: p.records, rights: p.rights, auditLog: p.auditLog, holds: p.holds,
		exportRate: newThrottle(dataHour, time.Hour),
	}
	p.addresses = &addresses{
		core: c, records: p.records, tickets: p.tickets, auditLog: p.auditLog, letters: p.letters, passwords: p.passwords,
	}
	p.sessions = &sessions{core: c, keys: k, auditLog: p.auditLog, logins: p.logins, networks: p.networks, admissions: p.admissions}
	p.groups = &groups{
		core: c, records: p.records, rights: p.rights, privacy: p.privacy, quotas: p.quotas, views: p.views,
		membership: p.membership, directs: p.directs, invitations: p.invitations,
	}
	p.members = &members{
		core: c, records: p.records, changes: p.changes, rights: p.rights, privacy: p.privacy, auditLog: p.auditLog,
		quotas: p.quotas, views: p.views, membership: p.membership, directs: p.directs, invitations: p.invitations,
	}
	p.bans = &bans{
		core: c, records: p.records, changes: p.changes, rights: p.rights, auditLog: p.auditLog, membership: p.membership,
		networks: p.networks,
	}
	p.departures = &departures{
		core: c, records: p.records, serverRecord: p.serverRecord, tickets: p.tickets, changes: p.changes, auditLog: p.auditLog,
		logins: p.logins, membership: p.membership, passwords: p.passwords, directs: p.directs, invitations: p.invitations,
	}
	p.accounts = &accounts{
		core: c, keys: k, records: p.records, serverRecord: p.serverRecord, nameRules: p.nameRules, changes: p.changes,
		privacy: p.privacy, auditLog: p.auditLog, logins: p.logins, invitationLinks: p.invitationLinks, networks: p.networks,
		passwords: p.passwords, sessions: p.sessions, daily: newThrottle(c.cfg.AccountDay, 24*time.Hour),
		entries: newThrottle(c.cfg.AccountRate, time.Minute),
	}
	p.rooms = &rooms{
		core: c, records: p.records, nameRules: p.nameRules, changes: p.changes, rights: p.rights, auditLog: p.auditLog,
		quotas: p.quotas, views: p.views, membership: p.membership, retentions: p.retentions, groups: p.groups, members: p.members,
	}
	p.purges = &purges{core: c, records: p.records, changes: p.changes, rights: p.rights, auditLog: p.auditLog, bans: p.bans}
	p.users = &users{
		core: c, records: p.records, serverRecord: p.serverRecord, rights: p.rights, auditLog: p.auditLog, logins: p.logins,
		departures: p.departures,
	}
	p.push = &push{core: c, keys: k, sessions: p.sessions}
	p.reports = &reports{
		core: c, records: p.records, changes: p.changes, rights: p.rights, auditLog: p.auditLog, quotas: p.quotas, mutes: p.mutes,
		bans: p.bans, purges: p.purges,
	}
	p.setup = &setup{
		core: c, serverRecord: p.serverRecord, nameRules: p.nameRules, auditLog: p.auditLog, passwords: p.passwords,
		admissions: p.admissions, operators: p.operators, accounts: p.accounts, announce: announce,
		attempts: newThrottle(c.cfg.LoginAttempts, time.Minute),
	}
	p.reach = &reach{core: c, records: p.records, rights: p.rights, lookup: p.lookup, push: p.push}
	p.userPreferences = &userPreferences{core: c, changes: p.changes, push: p.push}
	p.digests = &digests{
		core: c, records: p.records, rights: p.rights, letters: p.letters, groups: p.groups, push: p.push, reach: p.reach,
		userPreferences: p.userPreferences,
	}
	p.letters.digest = p.digests.digestLetter
	p.imports = &imports{
		core: c, records: p.records, nameRules: p.nameRules, changes: p.changes, auditLog: p.auditLog, quotas: p.quotas,
		passwords: p.passwords, accounts: p.accounts,
	}
	p.ownAccount = &ownAccount{
		core: c, records: p.records, privacy: p.privacy, views: p.views, logins: p.logins, passwords: p.passwords, copies: p.copies,
		departures: p.departures, userPreferences: p.userPreferences,
	}
	p.overview = &overview{
		core: c, serverRecord: p.serverRecord, views: p.views, blocks: p.blocks, directs: p.directs, invitations: p.invitations,
		userPreferences: p.userPreferences,
	}
	p.commands = &commands{
		core: c, records: p.records, serverRecord: p.serverRecord, nameRules: p.nameRules, rights: p.rights, auditLog: p.auditLog,
		views: p.views, invitationLinks: p.invitationLinks, retentions: p.retentions, holds: p.holds, passwords: p.passwords,
		admissions: p.admissions, operators: p.operators, copies: p.copies, sessions: p.sessions, bans: p.bans,
		accounts: p.accounts, users: p.users, setup: p.setup, imports: p.imports,
	}
	p.changes.tellers = p.tellers()
	return p, nil
}

// tellers returns the function that announces an intent, by kind of intent: changes keeps and
// retries intents without knowing what they mean.
func (p *parts) tellers() map[string]func(context.Context, store.Intent) error {
	return map[string]func(context.Context, store.Intent) error{
		directoryapi.ChangeAccess: p.membership.tellMember,
		directoryapi.ChangeRoom:   p.rooms.tellRoom,
		directoryapi.ChangeUser:   p.changes.tellUser,
		kindArchive:               p.rooms.tellArchive,
		kindBan:                   p.bans.tellBan,
		kindBlock:                 p.blocks.tellBlock,
		kindDelete:                p.departures.tellDeleted,
		kindDeleteRoom:            p.rooms.tellDelete,
		kindDescribe:              p.rooms.tellRoom,
		kindDirect:                p.directs.tellDirect,
		kindGuests:                p.rooms.tellGuests,
		kindKeep:                  p.accounts.tellKept,
		kindList:                  p.changes.tellList,
		kindMute:                  p.mutes.tellMute,
		kindPurge:                 p.purges.tellPurge,
		kindResetRoom:             p.rooms.tellReset,
		kindRetention:             p.retentions.tellRetention,
		kindRules:                 p.rooms.tellRules,
		kindUnban:                 p.bans.tellUnban,
		kindUnsave:                p.departures.tellUnsave,
		kindVersions:              p.rooms.tellVersions,
	}
}
