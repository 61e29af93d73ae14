"""`python -m switch` is `shardpay`."""

from switch.cli.main import main

if __name__ == "__main__":
    main()
