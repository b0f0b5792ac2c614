package load

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
)

// gathering bounds the concurrent HTTP calls while a crowd gathers: log-ins cost the server much.
const gathering = 8

// perOwner is how many rooms one user creates: a server limits the changes of a user per minute.
const perOwner = 100

// meet creates the users and the rooms of a plan, which are public, and reports its progress to
// tell.
func meet(ctx context.Context, plan Plan, tell func(string)) (users []*client.Session, rooms []*room, err error) {
	api := client.NewAPI(plan.URL, nil)
	run := chat.NewID()
	run = run[len(run)-12:]
	users = make([]*client.Session, plan.Users)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(gathering)
	if plan.Token != "" {
		known := api.Session(client.Grant{Token: plan.Token})
		if _, err := retry(ctx, func() (client.User, error) { return known.Me(ctx) }); err != nil {
			return nil, nil, fmt.Errorf("%s does not take the token: %w", plan.URL, err)
		}
		for i := range users {
			users[i] = known
		}
	} else {
		var in atomic.Int64
		for i := range users {
			g.Go(func() (err error) {
				users[i], err = retry(gctx, func() (*client.Session, error) { return api.Guest(gctx, fmt.Sprintf("load-%d", i)) })
				tell(fmt.Sprintf("%d of %d users are logged in", in.Add(1), plan.Users))
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, nil, fmt.Errorf("log in as a guest at %s: %w; if the server lets no guests in, give a token with --token", plan.URL, err)
	}
	owner := users[0]
	for i := range plan.Rooms {
		if i%perOwner == 0 && plan.Token == "" {
			name := fmt.Sprintf("load.%s.%d", run, i/perOwner)
			if owner, err = retry(ctx, func() (*client.Session, error) { return api.Register(ctx, name, chat.NewID()) }); err != nil {
				return nil, nil, fmt.Errorf("register the owner of the rooms: %w", err)
			}
		}
		r, err := retry(ctx, func() (client.Room, error) {
			return owner.CreateRoom(ctx, fmt.Sprintf("load %s %d", run, i), "", false)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("create room %d: %w", i, err)
		}
		rooms = append(rooms, newRoom(r.ID))
		tell(fmt.Sprintf("%d of %d rooms are made", len(rooms), plan.Rooms))
	}
	return users, rooms, nil
}
