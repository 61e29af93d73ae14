"""`shardpay labels`: what is known of payments afterwards."""
