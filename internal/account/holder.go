package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// held is what is kept about a person's access to the portal.
type held struct {
	Email        string        `json:"email"`
	Name         string        `json:"name"`
	CreatedAt    time.Time     `json:"created_at"`
	LastSignInAt *time.Time    `json:"last_sign_in_at,omitempty"`
	ExpiresAt    *time.Time    `json:"expires_at,omitempty"`
	DisabledAt   *time.Time    `json:"disabled_at,omitempty"`
	Sessions     []SessionInfo `json:"sessions"`
	Devices      []DeviceInfo  `json:"remembered_computers"`
}

// ExportPerson writes, as JSON, what is held about a person here; nothing where they have no account.
func (s *Service) ExportPerson(ctx context.Context, person uuid.UUID, to io.Writer) error {
	a, err := s.OfPerson(ctx, person)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	h := held{
		Email: a.Email, Name: a.Name, CreatedAt: a.CreatedAt, LastSignInAt: a.LastSignInAt, ExpiresAt: a.ExpiresAt,
		DisabledAt: a.DisabledAt,
	}
	if h.Sessions, err = s.Sessions(ctx, a.ID); err != nil {
		return err
	}
	if h.Devices, err = s.Devices(ctx, a.ID); err != nil {
		return err
	}
	if err := json.NewEncoder(to).Encode(map[string]held{"access_to_clickconnect": h}); err != nil {
		return fmt.Errorf("export account: %w", err)
	}
	return nil
}

// ErasePerson deletes a person's account, if it was made until then, with its sessions, remembered computers and links,
// within the transaction that erases the person. Whoever was signed in is so no more.
func (s *Service) ErasePerson(ctx context.Context, tx pgx.Tx, person uuid.UUID, until time.Time) error {
	if _, err := tx.Exec(ctx, `DELETE FROM account WHERE person_id = $1 AND created_at <= $2`, person, until); err != nil {
		return fmt.Errorf("erase account: %w", err)
	}
	return nil
}
