package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// bucket keeps blobs in a bucket of any service that speaks S3, addressed by path, so that it needs no DNS of its own.
type bucket struct {
	client *s3.Client
	name   string
	folder string // empty, or ending with a slash
}

func newBucket(raw string) (*bucket, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("BLOB_URL is not an address") // err repeats the secret
	}
	secret, hasSecret := u.User.Password()
	name, inside, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if u.Scheme != "s3" || u.Host == "" || !hasSecret || name == "" {
		return nil, errors.New("BLOB_URL must read s3://key:secret@host:port/bucket?region=…")
	}
	if inside != "" {
		inside += "/"
	}
	scheme := "https"
	switch u.Query().Get("tls") {
	case "off":
		scheme = "http"
	case "", "on":
	default:
		return nil, errors.New("BLOB_URL: tls is on or off")
	}
	region := u.Query().Get("region")
	if region == "" {
		region = "us-east-1"
	}
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(scheme + "://" + u.Host),
		UsePathStyle: true,
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(u.User.Username(), secret, ""),
		// Contents carry their own proof of being whole, and not every service knows the newer checksums.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
	return &bucket{client: client, name: name, folder: inside}, nil
}

func (b *bucket) Put(ctx context.Context, name string, body io.ReadSeeker) error {
	if err := checkBlobName(name); err != nil {
		return err
	}
	size, err := body.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("put blob: %w", err)
	}
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: aws.String(b.folder + name), Body: body, ContentLength: &size,
		ContentType: aws.String("application/octet-stream"),
	})
	if err != nil {
		return fmt.Errorf("put blob: %w", err)
	}
	return nil
}

func (b *bucket) Get(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	if err := checkBlobName(name); err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &b.name, Key: aws.String(b.folder + name)}
	if offset > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	out, err := b.client.GetObject(ctx, in)
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return nil, ErrNoBlob
	}
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) && coded.ErrorCode() == "InvalidRange" {
		return io.NopCloser(strings.NewReader("")), nil // the offset is past the end, as a file would have it
	}
	if err != nil {
		return nil, fmt.Errorf("get blob: %w", err)
	}
	return out.Body, nil
}

func (b *bucket) Delete(ctx context.Context, name string) error {
	if err := checkBlobName(name); err != nil {
		return err
	}
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: aws.String(b.folder + name)})
	var missing *types.NoSuchKey
	if err != nil && !errors.As(err, &missing) {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// Tidy has nothing to do: an object that was not written to its end does not exist.
func (b *bucket) Tidy(context.Context, time.Time) (int, error) { return 0, nil }

func (b *bucket) List(ctx context.Context, prefix string, before time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{
			Bucket: &b.name, Prefix: aws.String(b.folder + prefix),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", fmt.Errorf("list blobs: %w", err))
				return
			}
			for _, object := range page.Contents {
				name := strings.TrimPrefix(aws.ToString(object.Key), b.folder)
				if !blobName.MatchString(name) || !aws.ToTime(object.LastModified).Before(before) {
					continue
				}
				if !yield(name, nil) {
					return
				}
			}
		}
	}
}
