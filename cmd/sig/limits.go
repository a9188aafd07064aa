package main

import (
	"cmp"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sigrouter/sigrouter/carrier"
)

// serveLimits are all limits of sig serve: those of the router, and those of connections
// that are no peers yet. Zero means the default.
type serveLimits struct {
	carrier.Limits
	HandshakeTimeout     time.Duration // of TLS, and for the head of an HTTP request; 5 s
	MaxHandshakes        int           // connections of a listener that are still at it; 64
	MaxHandshakesAddress int           // of these, those of one address that is not loopback; 16
	MaxWebConns          int           // connections to an HTTP server that are not WebSocket; 256
	MaxWebConnsAddress   int           // of these, those of one address that is not loopback; 64
}

func (l serveLimits) withDefaults() serveLimits {
	memory := debug.SetMemoryLimit(-1) // which changes nothing
	most := l.WithDefaults()
	l.QueueTotalBytes = cmp.Or(l.QueueTotalBytes, memoryShare(memory, most.QueueTotalBytes))
	l.PartialTotalBytes = cmp.Or(l.PartialTotalBytes, memoryShare(memory, most.PartialTotalBytes))
	l.Limits = l.WithDefaults()
	if l.HandshakeTimeout == 0 {
		l.HandshakeTimeout = 5 * time.Second
	}
	if l.MaxHandshakes == 0 {
		l.MaxHandshakes = 64
	}
	if l.MaxHandshakesAddress == 0 {
		l.MaxHandshakesAddress = 16
	}
	l.MaxWebConns, l.MaxWebConnsAddress = cmp.Or(l.MaxWebConns, 256), cmp.Or(l.MaxWebConnsAddress, 64)
	return l
}

// memoryShare returns the bytes that something may take for all clients together when the
// process has a memory limit, GOMEMLIMIT: a quarter of it, where that is less than the default.
func memoryShare(memory int64, most int) int {
	return int(max(min(memory/4, int64(most)), 1))
}

// limitFields returns the limits that can be set. How long stopping may take is --drain.
func limitFields() []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[serveLimits]()), func(f reflect.StructField) bool {
		return f.Anonymous || f.Name == "DrainTimeout"
	})
}

// parseLimits reads limits such as max-message=4194304 and call-timeout=1m.
func parseLimits(settings []string, wrong *problems) serveLimits {
	var limits serveLimits
	values := reflect.ValueOf(&limits).Elem()
	fields, names := limitFields(), limitNames()
	for _, s := range settings {
		name, value, ok := strings.Cut(s, "=")
		i := slices.Index(names, name)
		var err error
		switch {
		case !ok:
			err = usagef("--limit %s: write it as NAME=VALUE", s)
		case i < 0:
			err = usagef("unknown limit %q; known are %s", name, strings.Join(names, ", "))
		default:
			if err = setLimit(values.FieldByIndex(fields[i].Index), value); err != nil {
				err = usagef("limit %s: %w", name, err)
			}
		}
		wrong.add("limits."+name, err)
	}
	return limits
}

func setLimit(field reflect.Value, value string) error {
	if field.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is no time such as 30s", value)
		}
		field.SetInt(int64(d))
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 0)
	if err != nil || n <= 0 {
		return fmt.Errorf("%q is no whole number above 0", value)
	}
	field.SetInt(n)
	return nil
}

// limitNames returns the limits as they are written in settings: MaxMessage is max-message.
func limitNames() []string {
	var names []string
	for _, field := range limitFields() {
		var b strings.Builder
		for i, r := range field.Name {
			if unicode.IsUpper(r) && i > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		names = append(names, b.String())
	}
	return names
}
