package directory

import (
	"context"
	"encoding/json"

	"hubbub.internal/libs/api"
)

// ServiceAdmin answers AdminRequest with AdminReply: what `hubbub admin` does. Whoever is on the
// bus may ask, since whoever is on it can do anything already.
const ServiceAdmin = "directory.admin"

// What an AdminRequest may ask for.
const (
	AdminUsers       = "users"       // list them: all, or whose name begins with User
	AdminCreate      = "create"      // an account with the name User
	AdminPromote     = "promote"     // make User an operator, or what Role says
	AdminDemote      = "demote"      // take the role of User away
	AdminReset       = "reset"       // make a link with which User chooses a new password
	AdminDisable     = "disable"     // have User not log in
	AdminEnable      = "enable"      // let User log in again
	AdminSignOut     = "sign-out"    // end all log-ins of User
	AdminBan         = "ban"         // from the server, for Minutes, with the reason Note
	AdminUnban       = "unban"       // end that
	AdminInvite      = "invite"      // make an invitation link for Uses and Minutes, with Note
	AdminInvitations = "invitations" // list them
	AdminRevoke      = "revoke"      // revoke the invitation link with the id User
	AdminAudit       = "audit"       // list acts, newest first, that Filter chooses
	AdminExport      = "export"      // the lines of a copy of Filter.Room, or of what User has said
	// make a legal hold of Filter.Room or of User, with the reason Note
	AdminHold      = "hold"
	AdminHolds     = "holds"     // list them
	AdminLift      = "lift"      // end the hold User
	AdminRetention = "retention" // change Retention of Filter.Room, or of the server; return it
	AdminImport    = "import"    // a step of an Import
)

// AdminRequest asks for one thing.
type AdminRequest struct {
	Do string `json:"do"`
	// who asks, for the audit log: a login name and a host
	By      string      `json:"by"`
	User    string      `json:"user,omitempty"` // id or name
	Role    Role        `json:"role,omitempty"`
	Note    string      `json:"note,omitempty"`
	Uses    int64       `json:"uses,omitempty"`
	Minutes int64       `json:"minutes,omitempty"`
	After   string      `json:"after,omitempty"` // of a list: Next of the page before
	Filter  AdminFilter `json:"filter,omitzero"`
	Import  *Import     `json:"import,omitempty"`
	// of AdminExport: the id of a hold; what it has kept is exported
	Hold string `json:"hold,omitempty"`
	// of AdminRetention; what is nil stays
	Retention AdminRules `json:"retention,omitzero"`
}

// AdminRules are rules of package retention as texts; nil: it stays.
type AdminRules struct {
	Keep  *string `json:"keep,omitempty"`
	Least *string `json:"least,omitempty"` // of the server alone
	Most  *string `json:"most,omitempty"`
}

// AdminFilter chooses acts of the audit log; an empty field chooses all.
type AdminFilter struct {
	Actor   string `json:"actor,omitempty"`
	Subject string `json:"subject,omitempty"`
	Room    string `json:"room,omitempty"`
	Action  string `json:"action,omitempty"`
	Since   int64  `json:"since,omitempty"` // UTC milliseconds
	Until   int64  `json:"until,omitempty"`
}

// AdminReply answers an AdminRequest.
type AdminReply struct {
	// Lines are what a list has, each a JSON object.
	Lines []json.RawMessage `json:"lines,omitempty"`
	// as After, it asks for more; empty: there is none
	Next string `json:"next,omitempty"`
	// Link is where on the page something was made to be opened, from where that is, such as
	// #/reset/….
	Link string `json:"link,omitempty"`
	// Import is what came of a step of an import.
	Import *ImportReply `json:"import,omitempty"`
}

// Admin asks the directory service to do something for whoever runs the server.
func (c *Client) Admin(ctx context.Context, r AdminRequest) (AdminReply, error) {
	return api.Call[AdminRequest, AdminReply](ctx, c.rpc, ServiceAdmin, r)
}
