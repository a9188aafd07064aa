package router

import (
	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// encode turns a payload into JSON; nil stays nil.
func encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case *sig.Raw:
		return v.MarshalJSON()
	}
	b, err := sig.JSON{}.Marshal(v)
	if err != nil {
		return nil, sig.Errorf(sig.ErrInvalid, "the data cannot be encoded: %v", err)
	}
	return b, nil
}

// encodeFor turns a payload into what whoever gets it likes best, nil being JSON. What is
// encoded already stays as it is when a carrier can pass it on; nil stays nil. What the
// codec cannot say becomes JSON.
func encodeFor(codec carrier.Codec, v any) (carrier.Encoded, error) {
	switch raw, ok := v.(*sig.Raw); {
	case v == nil:
		return carrier.Encoded{}, nil
	case ok && raw != nil:
		if _, isJSON := raw.Codec.(sig.JSON); isJSON {
			return carrier.Encoded{Data: raw.Bytes}, nil
		}
		if codec != nil && raw.Codec.Name() == codec.Name() {
			return carrier.Encoded{Data: raw.Bytes, Codec: codec}, nil
		}
	case codec != nil:
		if data, err := codec.Marshal(v); err == nil {
			return carrier.Encoded{Data: data, Codec: codec}, nil
		}
	}
	data, err := encode(v)
	return carrier.Encoded{Data: data}, err
}
