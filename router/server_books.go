package router

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// This file holds the methods that change what a client has at the server.

func (x *session) addSender(params []byte) error {
	var in senderParams
	if err := decodeParams(params, &in); err != nil {
		return err
	}
	if in.Sender == "" || in.Events == nil && in.Requests == nil && in.Retain == nil {
		return sig.Errorf(sig.ErrInvalid, "invalid arguments: add_sender needs sender, and events or requests")
	}
	if err := x.rights().Check(auth.Add, in.Sender, ""); err != nil {
		return err
	}
	g, err := x.graceOf(&in, params)
	if err != nil {
		return err
	}
	if x.takeBack(in.Sender, params) {
		return nil
	}
	x.mu.Lock()
	full := len(x.senders) >= x.srv.engine.Limits().MaxSenders
	ended := x.ended
	x.mu.Unlock()
	switch {
	case ended:
		return sig.ErrNotConnected
	case full:
		return x.srv.engine.Over("MaxSenders", "more than %d senders", x.srv.engine.Limits().MaxSenders)
	}
	snd, err := x.srv.addSender(in.Sender, x, x.senderConfig(&in))
	if errors.Is(err, sig.ErrTaken) && x.succeed(in.Sender) {
		snd, err = x.srv.addSender(in.Sender, x, x.senderConfig(&in))
	}
	if err != nil {
		return err
	}
	x.mu.Lock()
	ended = x.ended || x.peer.Load() == nil
	if !ended {
		x.senders = withEntry(x.senders, in.Sender, snd)
		if g != nil {
			g.sender = snd
			x.graces = withEntry(x.graces, in.Sender, g)
		}
	}
	x.mu.Unlock()
	if ended {
		snd.remove("the connection was lost")
		return nil
	}
	// The rights may have changed before the sender was in the books.
	err = x.rights().Check(auth.Add, in.Sender, "")
	if err != nil {
		x.enforce()
	}
	return err
}

// senderConfig declares a sender whose requests the client answers.
func (x *session) senderConfig(in *senderParams) sig.SenderConfig {
	c := sig.NewSenderConfig(sig.Events(in.Events...))
	for _, name := range in.Retain {
		if !slices.Contains(c.Events, name) {
			c.Events = append(c.Events, name)
		}
		c.Retained = append(c.Retained, name)
	}
	for _, m := range in.Requests {
		if m == nil {
			c.Default = x.ask
		} else {
			c.Requests[*m] = x.ask
		}
	}
	return c
}

func (x *session) removeSender(params []byte) error {
	var in senderParams
	if err := decodeParams(params, &in); err != nil {
		return err
	}
	if in.Sender == "" {
		return sig.Errorf(sig.ErrInvalid, "invalid arguments: remove_sender needs sender")
	}
	x.mu.Lock()
	snd := x.senders[in.Sender]
	x.forget(in.Sender)
	x.mu.Unlock()
	if snd != nil {
		snd.remove("")
		return nil
	}
	if err := x.rights().Check(auth.Add, in.Sender, ""); err != nil {
		return err
	}
	if _, ok := x.srv.Sender(in.Sender); !ok {
		return sig.Errorf(sig.ErrNoSender, "sender %s not found", quoted(in.Sender))
	}
	return sig.Errorf(sig.ErrRefused, "sender %s is not yours", quoted(in.Sender))
}

// addListener replies before it subscribes, so that the reply with the id comes before
// the first event.
func (x *session) addListener(c *call) {
	var in listenerParams
	err := decodeParams(c.params, &in)
	var policy sig.Policy
	if err == nil {
		policy, err = policyOf(in.Policy)
	}
	sender, event := fromNullable(in.Sender), fromNullable(in.Event)
	if err == nil {
		err = sig.CheckPattern("sender", sender)
	}
	if err == nil {
		err = sig.CheckPattern("event", event)
	}
	if err == nil {
		err = mayListenTo(x.rights(), sender, event, in.Below)
	}
	if err == nil {
		err = x.mayListen()
	}
	if err != nil {
		c.reply(nil, err)
		return
	}
	target := &remoteListener{session: x, line: newLine(policy, in.Queue)}
	cfg := sig.ListenConfig{Below: in.Below, SkipFirst: in.SkipRetained}
	sub, err := x.srv.listenRemote(sender, event, target, cfg, func(id uint64) {
		target.id = uint32(id)
		c.peer.Reply(c.id, fmt.Appendf(nil, `{"listener_id":%d}`, target.id))
	})
	if err != nil {
		c.reply(nil, err)
		return
	}
	c.peer.Answered()
	c.peer.Kick()
	x.mu.Lock()
	ended := x.ended
	if !ended {
		x.listeners = withEntry(x.listeners, target.id, sub)
	}
	x.mu.Unlock()
	if ended {
		sub.Remove()
	} else if mayListenTo(x.rights(), sender, event, in.Below) != nil {
		x.enforce() // the rights changed before the listener was in the books
	}
}

func newLine(p sig.Policy, size int) *carrier.Line {
	if p == sig.PolicyDefault {
		return nil
	}
	if size < 1 {
		size = 1024
	}
	return &carrier.Line{Policy: p, Size: min(size, 65536)}
}

func (x *session) mayListen() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if most := x.srv.engine.Limits().MaxListeners; len(x.listeners) >= most {
		return x.srv.engine.Over("MaxListeners", "more than %d listeners", most)
	}
	return nil
}

func (x *session) removeListener(params []byte) error {
	var in struct {
		ID json.RawMessage `json:"listener_id"`
	}
	if err := decodeParams(params, &in); err != nil {
		return err
	}
	if in.ID == nil {
		return sig.Errorf(sig.ErrInvalid, "invalid arguments: remove_listener needs listener_id")
	}
	id, err := strconv.ParseUint(string(in.ID), 10, 32)
	x.mu.Lock()
	sub := x.listeners[uint32(id)]
	delete(x.listeners, uint32(id))
	x.mu.Unlock()
	if err != nil || sub == nil {
		return sig.Errorf(sig.ErrNoListener, "listener not found")
	}
	sub.Remove()
	return nil
}

// withEntry sets an entry of a map, which it makes when there is none: most sessions have
// few.
func withEntry[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	if m == nil {
		m = map[K]V{}
	}
	m[k] = v
	return m
}
