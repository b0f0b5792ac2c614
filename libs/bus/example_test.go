package bus_test

import (
	"context"
	"fmt"
	"log"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
)

// lines prints what a room gets.
type lines struct{ got chan string }

func (l lines) Entry(e bus.Entry) { l.got <- fmt.Sprintf("%s: %s", e.Sender, e.Data) }

// the log lost its tail: begin anew behind head
func (l lines) Rewound(room string, head uint64) {}

// retention was faster: the record has what is missing
func (l lines) Missed(room string, through uint64) {}

// A follower gets each entry once and in order, whatever the live fan-out loses. A repeat of an
// append, by the same sender under the same id, adds nothing and has the Seq of the first.
func Example() {
	ctx := context.Background()
	b := membus.NewServer(membus.Options{}).Open() // busurl.Open opens a Redis or a NATS by its URL
	defer b.Close()

	l := lines{make(chan string, 10)}
	_, sub, err := b.Follow(ctx, "lobby", l)
	if err != nil {
		log.Fatal(err)
	}
	defer sub.Stop()

	hello := bus.NewEntry{Room: "lobby", Sender: "ada", ID: "1", Data: []byte("hello")}
	first, err := bus.Append(ctx, b, hello)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-l.got)
	again, err := bus.Append(ctx, b, hello)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.Duplicate, again.Seq == first.Seq)
	// Output:
	// ada: hello
	// true true
}

// Services ask each other over the bus; one of those that serve a name answers.
func ExampleRPC() {
	ctx := context.Background()
	b := membus.NewServer(membus.Options{}).Open()
	defer b.Close()
	sub, err := b.Serve(ctx, "greeter", func(_ context.Context, name []byte) ([]byte, error) {
		if len(name) == 0 {
			return nil, &bus.Error{Code: "bad_request", Message: "whom?"}
		}
		return append([]byte("hello, "), name...), nil
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sub.Stop()
	reply, err := b.Request(ctx, "greeter", []byte("ada"))
	fmt.Println(string(reply), err)
	_, err = b.Request(ctx, "greeter", nil)
	fmt.Println(err)
	// Output:
	// hello, ada <nil>
	// bad_request: whom?
}
