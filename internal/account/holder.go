package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Held is what is kept about a person's access to the portal, for their export.
type Held struct {
	Email        string        `json:"email"`
	Name         string        `json:"name"`
	CreatedAt    time.Time     `json:"created_at"`
	LastSignInAt *time.Time    `json:"last_sign_in_at,omitempty"`
	ExpiresAt    *time.Time    `json:"expires_at,omitempty"`
	DisabledAt   *time.Time    `json:"disabled_at,omitempty"`
	Sessions     []SessionInfo `json:"sessions"`
	Devices      []DeviceInfo  `json:"remembered_computers"`
}

// ExportPerson returns what is held about a person here; nil where they have no account.
func (s *Service) ExportPerson(ctx context.Context, person uuid.UUID) (*Held, error) {
	a, err := s.OfPerson(ctx, person)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h := &Held{
		Email: a.Email, Name: a.Name, CreatedAt: a.CreatedAt, LastSignInAt: a.LastSignInAt, ExpiresAt: a.ExpiresAt,
		DisabledAt: a.DisabledAt,
	}
	if h.Sessions, err = s.Sessions(ctx, a.ID); err != nil {
		return nil, err
	}
	if h.Devices, err = s.Devices(ctx, a.ID); err != nil {
		return nil, err
	}
	return h, nil
}

// ErasePerson deletes a person's account with its sessions, remembered computers and links, within the transaction
// that erases the person. Whoever was signed in is so no more.
func (s *Service) ErasePerson(ctx context.Context, tx pgx.Tx, person uuid.UUID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM account WHERE person_id = $1`, person); err != nil {
		return fmt.Errorf("erase account: %w", err)
	}
	return nil
}
