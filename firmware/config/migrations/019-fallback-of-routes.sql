-- Where calls go that the destination of their route does not take: the column follows firmware/config/schema/routing.ts.
ALTER TABLE incoming_routes ADD COLUMN fallback TEXT NOT NULL DEFAULT '';
