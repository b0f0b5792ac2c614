package client_test

import (
	"context"
	"fmt"
	"log"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// A guest of a Hubbub that `make run` has started says hello in the lobby, and prints what is said
// there.
func Example() {
	ctx := context.Background()
	api := client.NewAPI("http://localhost:9080", nil)
	session, err := api.Guest(ctx, "Ada")
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.Dial(ctx, client.Config{
		URL:   "ws://localhost:9080/v1/ws",
		Token: session.Token,
		Handle: func(e wire.Event) {
			if e.Type == chat.TypeMsg {
				fmt.Println(e.Name, "said", e.Text)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Join(ctx, "lobby", nil); err != nil {
		log.Fatal(err)
	}
	// It returns when the log has the message. After a lost connection it goes on, under the same
	// id.
	ack, err := c.Send(ctx, "lobby", "Hello!")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("acknowledged with seq", ack.Seq)
}
