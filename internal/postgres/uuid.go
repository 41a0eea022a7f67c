package postgres

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// registerUUID lets ids travel as the 16 bytes they are. By itself pgx takes uuid.UUID for a text that it must print,
// fail to encode, and parse again: with fifteen ids in a submission that was a tenth of its cost.
func registerUUID(m *pgtype.Map) {
	m.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{wrapEncode}, m.TryWrapEncodePlanFuncs...)
	m.RegisterDefaultPgType(uuid.UUID{}, "uuid")
	m.RegisterDefaultPgType(uuid.NullUUID{}, "uuid")
}

// plain and null are the two types as pgx wants to see them.
type (
	plain uuid.UUID
	null  uuid.NullUUID
)

// UUIDValue implements pgtype.UUIDValuer.
func (p plain) UUIDValue() (pgtype.UUID, error) { return pgtype.UUID{Bytes: p, Valid: true}, nil }

// UUIDValue implements pgtype.UUIDValuer.
func (n null) UUIDValue() (pgtype.UUID, error) {
	return pgtype.UUID{Bytes: n.UUID, Valid: n.Valid}, nil
}

func wrapEncode(value any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
	switch v := value.(type) {
	case uuid.UUID:
		return &encodePlan{}, plain(v), true
	case uuid.NullUUID:
		return &encodePlan{}, null(v), true
	}
	return nil, nil, false
}

type encodePlan struct{ next pgtype.EncodePlan }

func (p *encodePlan) SetNext(next pgtype.EncodePlan) { p.next = next }

func (p *encodePlan) Encode(value any, buf []byte) ([]byte, error) {
	if v, ok := value.(uuid.UUID); ok {
		return p.next.Encode(plain(v), buf)
	}
	return p.next.Encode(null(value.(uuid.NullUUID)), buf) // wrapEncode lets no other type through
}
