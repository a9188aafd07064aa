package channel

import (
	"strings"

	"github.com/sigrouter/sigrouter/sig"
)

// Names of the senders of this package begin with prefix, a word for what they are, and
// a dot: a party, a party's publisher, subscriber or watcher of a channel, or a channel.
const (
	prefix      = "channel."
	kindParty   = "party"
	kindPublish = "pub"
	kindListen  = "sub"
	kindWatch   = "watch"
	kindType    = "type"
)

// Events of those senders, beside that which has the channel's name.
const (
	typeMark   = "type:" // and the type: what the sender takes the channel to carry
	holderMark = "by:"   // and a sender: who answers for the type
	partEvent  = ":part" // after the channel's name: a part of a large message
	markEvent  = ":mark" // after the channel's name: comes back when the router has what was before
	gotEvent   = ":got"  // after the channel's name: how far a subscriber is with a large message
)

// most is the length of the longest name of a channel, and of the longest type.
const most = 160

// checkNames reports why a channel cannot have the name, or the type.
func checkNames(channel, typ string) error {
	if err := sig.CheckName("channel", channel); err != nil {
		return err
	}
	if len(channel) > most {
		return sig.Errorf(sig.ErrInvalid, "the channel's name has %d bytes; %d are the most", len(channel), most)
	}
	if typ == "" {
		return nil
	}
	if len(typ) > most {
		return sig.Errorf(sig.ErrInvalid, "the type of channel %q has %d bytes; %d are the most", channel, len(typ), most)
	}
	return sig.CheckName("type", typeMark+typ)
}

// partyOf returns the party that a sender of this package belongs to, and the channel; for
// any other sender its name.
func partyOf(sender string) (party, channel string) {
	rest, ok := strings.CutPrefix(sender, prefix)
	kind, rest, more := strings.Cut(rest, ".")
	if !ok || !more || kind == kindParty || kind == kindType {
		return sender, ""
	}
	who, channel, _ := strings.Cut(rest, ".")
	party, _, _ = strings.Cut(who, "~")
	return party, channel
}

// A census is the senders of this package that a router has, as it lists them.
type census []sig.SenderInfo

// typeOf returns what the channel is said to carry, and who says so. It reports false
// when nobody does.
func (c census) typeOf(channel string) (typ, holder string, known bool) {
	for _, s := range c {
		if s.Name != nil && s.Connected && *s.Name == prefix+kindType+"."+channel {
			return marked(s.Events, typeMark), marked(s.Events, holderMark), true
		}
	}
	return "", "", false
}

// members calls visit with each publisher and subscriber of the channel and its type.
func (c census) members(channel string, visit func(sender, typ string)) {
	for _, s := range c {
		if s.Name == nil || !s.Connected {
			continue
		}
		_, its := partyOf(*s.Name)
		if typ := marked(s.Events, typeMark); its == channel && typ != "" {
			visit(*s.Name, typ)
		}
	}
}

// has reports whether the channel has a member of the type.
func (c census) has(channel, typ string) (found bool) {
	c.members(channel, func(_, its string) { found = found || its == typ })
	return found
}

// other returns the type of a member that takes the channel for something else.
func (c census) other(channel, typ string) (found string) {
	c.members(channel, func(_, its string) {
		if its != typ {
			found = its
		}
	})
	return found
}

// marked returns what follows the mark in the event that begins with it.
func marked(events []string, mark string) string {
	for _, e := range events {
		if rest, ok := strings.CutPrefix(e, mark); ok {
			return rest
		}
	}
	return ""
}
