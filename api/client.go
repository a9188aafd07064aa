package api

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"

	"github.com/sigrouter/sigrouter/sig"
)

// metaFrom is the fact that names the sender of the calling Client.
const metaFrom = "from"

// A Client is a party that calls and can be called back: a sender of its own with the
// methods of a Go value, and a bus whose calls say which sender that is. The side that is
// called finds new clients with Watch, and inside a method the one that calls with Caller.
type Client struct {
	name    string
	bus     sig.Bus
	service *Service

	mu     sync.Mutex
	halves map[string]map[string]sig.Handler // by "sender.id", then by method
}

// NewClient exposes the methods of v as a sender "kind.…", with an end that no other has.
// With None{} for v the client has no methods.
func NewClient[T any](b sig.Bus, kind string, v T, opts ...ExposeOption) (*Client, error) {
	c := &Client{name: kind + "." + strings.ToLower(rand.Text()[:13]), halves: map[string]map[string]sig.Handler{}}
	c.bus = With(b, WithMeta(metaFrom, c.name))
	cfg := newExposeConfig(b, opts)
	cfg.sender = append(cfg.sender, sig.AnswerRest(cfg.guard(c.answerHalf)))
	var err error
	c.service, err = expose(b, c.name, v, cfg)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Name returns the name of the client's sender.
func (c *Client) Name() string { return c.name }

// Bus returns a bus for the client's calls. Those who are called can call back.
func (c *Client) Bus() sig.Bus { return c.bus }

// At returns a sender for the client's calls.
func (c *Client) At(sender string, opts ...CallOption) *Remote { return At(c.bus, sender, opts...) }

// Close removes the client's sender, and with it the instances it has elsewhere.
func (c *Client) Close() error { return c.service.Remove() }

// Attach gives the client its own half of an instance of a sender that the other side
// made with ExposeEach: the methods of v, which the other half calls with Instance.Peer.
// It returns the other half. A second Attach replaces the first.
func Attach[T any](c *Client, sender, id string, v T, opts ...ExposeOption) (*Remote, error) {
	cfg := newExposeConfig(c.bus, opts)
	p, err := newPlan[T](cfg)
	if err != nil {
		return nil, err
	}
	handlers := p.bindAll(v, cfg.guard)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halves[sender+"."+id] = handlers
	return c.At(sender).Instance(id), nil
}

// Detach takes the client's half of an instance away. The other half is not told; it
// gets an error when it calls.
func (c *Client) Detach(sender, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.halves, sender+"."+id)
}

// answerHalf answers calls to the halves.
func (c *Client) answerHalf(ctx context.Context, r sig.Request) (any, error) {
	i := strings.LastIndexByte(r.Method, '.')
	if i < 0 {
		return nil, sig.Errorf(sig.ErrNoMethod, "%s has no method %q; ask %s what it has", r.Sender, r.Method, DescribeMethod)
	}
	c.mu.Lock()
	half, ok := c.halves[r.Method[:i]]
	c.mu.Unlock()
	if !ok {
		return nil, sig.Errorf(sig.ErrNoSender, "%s has no half of %s; it left, or never attached one", r.Sender, r.Method[:i])
	}
	h, ok := half[r.Method[i+1:]]
	if !ok {
		return nil, sig.Errorf(sig.ErrNoMethod, "the half of %s at %s has no method %q", r.Method[:i], r.Sender, r.Method[i+1:])
	}
	return h(ctx, r)
}

// Caller returns the Client that made the call a method is answering, so that it can
// be called back. It reports false for calls that were not made through a Client.
func Caller(ctx context.Context) (*Remote, bool) {
	name := MetaFrom(ctx)[metaFrom]
	if name == "" {
		return nil, false
	}
	b := ctx.Value(metaKey{}).(*metaContext).bus
	if c, ok := sig.CallerFrom(ctx); ok && c.Bus != nil {
		b = c.Bus // which has no senders but the caller's, so that nobody can speak for another
	}
	return At(b, name), true
}
