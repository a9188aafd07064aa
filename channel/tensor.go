package channel

import "github.com/sigrouter/sigrouter/sig"

// An ElementType says what a tensor is made of.
type ElementType byte

// Types of elements, with Echo's numbers.
const (
	Uint8 ElementType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Float64
)

// Size returns how many bytes an element has; 0 when the type is not known.
func (t ElementType) Size() int {
	switch t {
	case Uint8, Int8:
		return 1
	case Uint16, Int16:
		return 2
	case Uint32, Int32, Float32:
		return 4
	case Float64:
		return 8
	}
	return 0
}

// A Tensor is numbers in any number of dimensions: an image, for instance, has three, rows,
// columns and channels. Data holds them, the last dimension fastest, least significant byte
// first.
type Tensor struct {
	Dims []int       `json:"dims"`
	Type ElementType `json:"type"`
	Data []byte      `json:"data"`
}

// Check reports why the data cannot be that of the dimensions and the type.
func (t Tensor) Check() error {
	size := t.Type.Size()
	for _, d := range t.Dims {
		if d < 0 {
			return sig.Errorf(sig.ErrInvalid, "the tensor has a dimension of %d", d)
		}
		size *= d
	}
	if t.Type.Size() == 0 {
		return sig.Errorf(sig.ErrInvalid, "the tensor's element type %d is not known", t.Type)
	}
	if size != len(t.Data) {
		return sig.Errorf(sig.ErrInvalid, "a tensor of %v elements of %d bytes needs %d bytes, and has %d", t.Dims, t.Type.Size(), size, len(t.Data))
	}
	return nil
}
