-- Deliveries are asked for by the events that they are about.
CREATE INDEX webhook_delivery_message ON webhook_delivery (message);
