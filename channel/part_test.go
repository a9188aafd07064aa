package channel

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/sig"
)

// The form that parts are sent in is JSON like any other.
func TestPartIsJSON(t *testing.T) {
	for _, p := range []*part{
		partOf(7, []byte("abcdefgh"), 3, 0, false, ""),
		partOf(7, []byte("abcdefgh"), 3, 2, true, `channel.sub.x."data":"`),
		{ID: 1<<64 - 1, Count: 1, Size: 1, Data: []byte{0}},
	} {
		raw, err := p.raw()
		require.NoError(t, err)
		var plain part
		require.NoError(t, json.Unmarshal(raw.Bytes, &plain))
		require.Equal(t, *p, plain)
		require.Equal(t, p, readRawPart(raw.Bytes))
		again, err := sig.JSON{}.Marshal(p)
		require.NoError(t, err)
		read, err := readPart(&sig.Raw{Codec: sig.JSON{}, Bytes: again})
		require.NoError(t, err)
		require.Equal(t, p, read)
		same, err := readPart(p)
		require.NoError(t, err)
		require.Same(t, p, same)
	}
}

// Whatever readRawPart accepts, encoding/json reads in the same way.
func FuzzReadPart(f *testing.F) {
	f.Add([]byte(`{"id":1,"i":0,"n":1,"size":3,"data":"AAAA"}`))
	f.Add([]byte(`{"data":"AAAA","n":1}`))
	f.Add([]byte(`{"to":"\"data\":\"","data":"AA=="}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := readRawPart(b)
		if p == nil || !json.Valid(b) {
			return // the router lets nothing through that is not JSON
		}
		var plain part
		require.NoError(t, json.Unmarshal(b, &plain))
		require.Equal(t, plain.Data, p.Data)
		p.Data, plain.Data = nil, nil
		require.Equal(t, plain, *p)
	})
}
