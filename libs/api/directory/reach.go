package directory

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/attention"
)

// The services by which notify finds out whom it can reach, and how.
const (
	ServiceReachable = "directory.reachable" // ReachableRequest to Reachable
	ServiceReach     = "directory.reach"     // ReachRequest to Reach
	ServiceDevices   = "directory.devices"   // DevicesRequest to Devices
	ServicePushKey   = "directory.push-key"  // PushKeyRequest to PushKey
	ServiceLapsed    = "directory.lapsed"    // LapsedRequest to LapsedReply
)

// ReachChannel is the live channel on which the directory publishes the id of a user whose devices
// or choices are others now.
const ReachChannel = "directory.reach"

// Limits of one answer.
const (
	MaxReach     = 200 // people
	MaxReachable = 200 // people
)

// ReachableRequest asks who has a device that can be reached, some at a time.
type ReachableRequest struct {
	After string `json:"after,omitempty"` // Next of the answer before
	User  string `json:"user,omitempty"`  // this one alone
}

// Reachable answers ReachableRequest. Its people may be fewer than MaxReachable while there are
// more.
type Reachable struct {
	People []Listener `json:"people"`
	Next   string     `json:"next,omitempty"` // empty: these were the last
}

// Listener is a user with a device that can be reached.
type Listener struct {
	User    string            `json:"user"`
	Choices attention.Choices `json:"choices"`
	Rooms   []string          `json:"rooms,omitempty"` // the user's, if Choices.Level is Everything
}

// ReachRequest asks how people are reached about messages of a room.
type ReachRequest struct {
	Room string `json:"room"`
	// at most MaxReach; none: of a direct room, its members
	Users   []string `json:"users,omitempty"`
	Senders []string `json:"senders,omitempty"` // of the messages
}

// Reach answers ReachRequest with those of the users who are members of the room now, and have a
// device.
type Reach struct {
	Name   string   `json:"name,omitempty"` // of the room
	Direct bool     `json:"direct,omitempty"`
	People []Person `json:"people"`
}

// Person is a user who is to be reached. Devices are those that are logged in.
type Person struct {
	User    string            `json:"user"`
	Choices attention.Choices `json:"choices"`
	Devices []Device          `json:"devices"`
	// those of the senders whom the user blocks or ignores
	Hidden []string `json:"hidden,omitempty"`
}

// Device is a subscription to Web Push (RFC 8030) that a log-in has made.
type Device struct {
	Session  string `json:"session"`
	Endpoint string `json:"endpoint"`
	Key      []byte `json:"key"`    // p256dh of RFC 8291
	Secret   []byte `json:"secret"` // auth of RFC 8291
}

// DevicesRequest asks for the devices of a user, or for that of one log-in of the user.
type DevicesRequest struct {
	User    string `json:"user"`
	Session string `json:"session,omitempty"`
}

// Devices answers DevicesRequest.
type Devices struct {
	Devices []Device `json:"devices"`
}

// PushKeyRequest asks for the key that pushes are signed with.
type PushKeyRequest struct{}

// PushKey is a key pair of the server's (RFC 8292), each half in unpadded base64url.
type PushKey struct {
	Public  string `json:"public"`
	Private string `json:"private"`
}

// LapsedRequest says that a push service knows a subscription no more, or that it must not be used.
type LapsedRequest struct {
	Session  string `json:"session"`
	Endpoint string `json:"endpoint"`
}

// LapsedReply answers LapsedRequest.
type LapsedReply struct{}

// Reachable returns people with a device, some at a time.
func (c *Client) Reachable(ctx context.Context, r ReachableRequest) (Reachable, error) {
	return api.Call[ReachableRequest, Reachable](ctx, c.rpc, ServiceReachable, r)
}

// Reach returns how people are reached about messages of a room.
func (c *Client) Reach(ctx context.Context, r ReachRequest) (Reach, error) {
	return api.Call[ReachRequest, Reach](ctx, c.rpc, ServiceReach, r)
}

// Devices returns the devices of a user.
func (c *Client) Devices(ctx context.Context, r DevicesRequest) ([]Device, error) {
	all, err := api.Call[DevicesRequest, Devices](ctx, c.rpc, ServiceDevices, r)
	return all.Devices, err
}

// PushKey returns the key that pushes are signed with.
func (c *Client) PushKey(ctx context.Context) (PushKey, error) {
	return api.Call[PushKeyRequest, PushKey](ctx, c.rpc, ServicePushKey, PushKeyRequest{})
}

// Lapsed says that a subscription is of no use any more.
func (c *Client) Lapsed(ctx context.Context, r LapsedRequest) error {
	_, err := api.Call[LapsedRequest, LapsedReply](ctx, c.rpc, ServiceLapsed, r)
	return err
}
