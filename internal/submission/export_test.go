package submission

import "context"

// FlushTwice stores an entry, forgets the answer, and tries the same slot once more, as after a commit whose answer was
// lost.
func (s *Store) FlushTwice(ctx context.Context, e Entry) (first, second Accepted, err error) {
	sl, err := s.slot(ctx, e)
	if err != nil {
		return first, second, err
	}
	if err := s.flush(ctx, []*slot{sl}); err != nil {
		return first, second, err
	}
	first, sl.stored = sl.stored, Accepted{}
	err = s.flush(ctx, []*slot{sl})
	return first, sl.stored, err
}
