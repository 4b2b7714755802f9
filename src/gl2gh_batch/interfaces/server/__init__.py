"""The HTTP service: batches started, watched and approved over HTTP, and a page that shows them."""
