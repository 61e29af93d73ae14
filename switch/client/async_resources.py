"""The calls of the switch, by resource.

Written by `python -m switch.reference`; do not edit.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import UNSET, UnsetType

from . import schema
from .calls import PAGE, Call, body, new_key, path, query

T = TypeVar("T")


class SendCall(Protocol):
    """Send a call until it has its answer."""

    async def __call__(self, call: Call, kind: type[T]) -> T: ...


class ReadPages(Protocol):
    """The pages of a list."""

    def __call__(self, path: str, kind: type[T], /, **parameters: Any) -> AsyncIterator[T]: ...


class Resource:
    """Calls that belong together."""

    def __init__(self, call: SendCall, pages: ReadPages) -> None:
        self._call = call
        self._pages = pages


class Transfers(Resource):
    """The calls below `/v1/transfers`."""

    async def create(
        self,
        *,
        payer: str,
        payee: str,
        amount: int,
        currency: str,
        after: str | UnsetType = UNSET,
        kind: str | UnsetType = UNSET,
        reference: str | UnsetType = UNSET,
        metadata: Mapping[str, str] | UnsetType = UNSET,
        context: schema.Context | Mapping[str, Any] | UnsetType = UNSET,
        hold: bool | UnsetType = UNSET,
        expires_in: int | UnsetType = UNSET,
        balances: str | None = None,
        idempotency_key: str | None = None,
    ) -> schema.TransferResult:
        """Pay, or hold an amount.

        `payer`: wallet id of who pays. `payee`: wallet id of who is paid. `amount`: minor units. `currency`: ISO 4217 code.
        `after`: id of an earlier transfer whose money this one needs. `kind`: what the payment is: `transfer` `payment`
        `cash_in` `cash_out` `debit` `top_up` `fee` `exchange` `payout` `interest`. `reference`: your text for people.
        `metadata`: your texts by name; names of 1 to 40 characters, texts of up to 500. `context`: where and how the payment
        was made. `hold`: hold the amount instead of moving it. `expires_in`: seconds until the hold expires. `balances`:
        `true`: payer and payee after it; needs the scope `read`. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/transfers" + query(balances=balances),
                body(
                    payer=payer,
                    payee=payee,
                    amount=amount,
                    currency=currency,
                    after=after,
                    kind=kind,
                    reference=reference,
                    metadata=metadata,
                    context=context,
                    hold=hold,
                    expires_in=expires_in,
                ),
                key=new_key(idempotency_key),
            ),
            schema.TransferResult,
        )

    async def create_many(
        self,
        *,
        transfers: Sequence[schema.KeyedTransfer | Mapping[str, Any]],
        linked: bool | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.TransferBatchResult:
        """Pay many times: JSON or an Arrow stream, single rows or linked groups.

        `transfers`: the payments. `linked`: all or none. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", "/v1/transfers/batch", body(transfers=transfers, linked=linked), key=new_key(idempotency_key)),
            schema.TransferBatchResult,
        )

    async def find(self, *, wallet: str, idempotency_key: str) -> schema.TransferResult:
        """Find a transfer by the key it was asked for with.

        `wallet`: the payer, or the payee when an operator wallet pays; of a linked group its paying user's wallet.
        `idempotency_key`: the key that the request was sent with, by the same account. Raises ShardpayError.
        """
        return await self._call(
            Call("GET", "/v1/transfers" + query(wallet=wallet, idempotency_key=idempotency_key)), schema.TransferResult
        )

    async def get(self, transfer_id: str) -> schema.TransferResult:
        """A transfer as it stands: decision, captures, refunds, review.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/transfers/{id}", id=transfer_id)), schema.TransferResult)

    async def capture(
        self,
        transfer_id: str,
        *,
        amount: int | UnsetType = UNSET,
        final: bool | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.TransferResult:
        """Take a hold's money, in parts or whole.

        `amount`: minor units. `final`: release the rest of the hold; true by default. `idempotency_key`: a new one by default.
        Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/transfers/{id}/capture", id=transfer_id),
                body(amount=amount, final=final),
                key=new_key(idempotency_key),
            ),
            schema.TransferResult,
        )

    async def void(self, transfer_id: str, *, idempotency_key: str | None = None) -> schema.TransferResult:
        """Release a hold, or end the review of one's own payment.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/transfers/{id}/void", id=transfer_id), body(), key=new_key(idempotency_key)),
            schema.TransferResult,
        )

    async def refund(
        self, transfer_id: str, *, amount: int | UnsetType = UNSET, idempotency_key: str | None = None
    ) -> schema.TransferResult:
        """Give money back, in parts or whole.

        `amount`: minor units. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/transfers/{id}/refund", id=transfer_id),
                body(amount=amount),
                key=new_key(idempotency_key),
            ),
            schema.TransferResult,
        )

    async def events(self, transfer_id: str, *, limit: int = PAGE) -> AsyncIterator[schema.TransferEvent]:
        """Events of a payment, and where each of its movements was booked.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages(
            path("/v1/transfers/{id}/events", id=transfer_id), schema.TransferEventList, limit=limit
        ):
            for each in page.data:
                yield each

    async def find_many(self, *, transfers: Sequence[schema.NamedTransfer | Mapping[str, Any]]) -> schema.LookupAnswer:
        """Find many transfers by their ids, or by the keys they were asked for with.

        `transfers`: the payments. Raises ShardpayError.
        """
        return await self._call(Call("POST", "/v1/lookups/transfers", body(transfers=transfers)), schema.LookupAnswer)

    async def dry_run(
        self,
        *,
        payer: str,
        payee: str,
        amount: int,
        currency: str,
        after: str | UnsetType = UNSET,
        kind: str | UnsetType = UNSET,
        reference: str | UnsetType = UNSET,
        metadata: Mapping[str, str] | UnsetType = UNSET,
        context: schema.Context | Mapping[str, Any] | UnsetType = UNSET,
        hold: bool | UnsetType = UNSET,
        expires_in: int | UnsetType = UNSET,
    ) -> schema.DryRun:
        """What a payment would become if it were made now.

        `payer`: wallet id of who pays. `payee`: wallet id of who is paid. `amount`: minor units. `currency`: ISO 4217 code.
        `after`: id of an earlier transfer whose money this one needs. `kind`: what the payment is: `transfer` `payment`
        `cash_in` `cash_out` `debit` `top_up` `fee` `exchange` `payout` `interest`. `reference`: your text for people.
        `metadata`: your texts by name; names of 1 to 40 characters, texts of up to 500. `context`: where and how the payment
        was made. `hold`: hold the amount instead of moving it. `expires_in`: seconds until the hold expires. Raises
        ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/dry-runs/transfers",
                body(
                    payer=payer,
                    payee=payee,
                    amount=amount,
                    currency=currency,
                    after=after,
                    kind=kind,
                    reference=reference,
                    metadata=metadata,
                    context=context,
                    hold=hold,
                    expires_in=expires_in,
                ),
            ),
            schema.DryRun,
        )

    async def explain(self, transfer_id: str) -> schema.Explained:
        """Why a payment was decided so: every rule's value, and what the scorecard gave.

        Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/transfers/{id}/explanation", id=transfer_id), body()), schema.Explained
        )


class Events(Resource):
    """The calls below `/v1/events/{id}`."""

    async def get(self, event_id: str) -> schema.Event:
        """One event.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/events/{id}", id=event_id)), schema.Event)

    async def list(
        self, *, after: str | None = None, limit: int = PAGE, types: str | None = None, reference: str | None = None
    ) -> AsyncIterator[schema.Event]:
        """Everything that happened, in order, as pages or as a stream.

        One entry after the other, over all pages. `after`: the cursor `next` of the page before; `now`: only what comes later;
        `last`: the newest ones; from the first event on by default. `types`: event types, with commas between; all by default.
        `reference`: only payments with exactly this reference, among the newest 20,000 blocks of each shard, with `after=last`.
        Raises ShardpayError.
        """
        async for page in self._pages(
            "/v1/events", schema.EventList, after=after, limit=limit, types=types, reference=reference
        ):
            for each in page.data:
                yield each


class Wallets(Resource):
    """The calls below `/v1/wallets`."""

    async def create(
        self,
        *,
        currency: str,
        kind: str,
        external_id: str | UnsetType = UNSET,
        owner: str | UnsetType = UNSET,
        floor: int | UnsetType = UNSET,
        tier: int | UnsetType = UNSET,
        attributes: Mapping[str, str | int | float | bool | None] | UnsetType = UNSET,
        metadata: Mapping[str, str] | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.Wallet:
        """Open a wallet.

        `currency`: ISO 4217 code. `kind`: kind of the wallet: `user` `merchant` `external` `fee` `liquidity`. `external_id`:
        your own name for the wallet, unique. `owner`: whose wallet it is: bound accounts see the wallets of their owners.
        `floor`: lowest posted balance less held; negative for credit. User wallets. `tier`: chooses the daily limit.
        `attributes`: your values by name: text, numbers, booleans, null. Null clears them. `metadata`: your texts by name;
        names of 1 to 40 characters, texts of up to 500. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/wallets",
                body(
                    currency=currency,
                    kind=kind,
                    external_id=external_id,
                    owner=owner,
                    floor=floor,
                    tier=tier,
                    attributes=attributes,
                    metadata=metadata,
                ),
                key=new_key(idempotency_key),
            ),
            schema.Wallet,
        )

    async def create_many(
        self, *, wallets: Sequence[schema.NewWallet | Mapping[str, Any]], idempotency_key: str | None = None
    ) -> schema.WalletBatchResult:
        """Open many wallets.

        `wallets`: the wallets. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", "/v1/wallets/batch", body(wallets=wallets), key=new_key(idempotency_key)),
            schema.WalletBatchResult,
        )

    async def list(
        self, *, external_id: str | None = None, owner: str | None = None, limit: int = PAGE
    ) -> AsyncIterator[schema.Wallet]:
        """List wallets by external id or owner.

        One entry after the other, over all pages. `external_id`: the wallet with this `external_id`; this or `owner` is needed.
        `owner`: wallets of this owner; this or `external_id` is needed. Raises ShardpayError.
        """
        async for page in self._pages(
            "/v1/wallets", schema.WalletList, external_id=external_id, owner=owner, limit=limit
        ):
            for each in page.data:
                yield each

    async def get(self, wallet_id: str) -> schema.Wallet:
        """A wallet: balance, what is held, status, profile.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/wallets/{id}", id=wallet_id)), schema.Wallet)

    async def update(
        self,
        wallet_id: str,
        *,
        tier: int | UnsetType = UNSET,
        owner: str | UnsetType | None = UNSET,
        attributes: Mapping[str, str | int | float | bool | None] | UnsetType | None = UNSET,
        metadata: Mapping[str, str] | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.Wallet:
        """Change a wallet's tier, owner, attributes or metadata.

        `tier`: chooses the daily limit. `owner`: whose wallet it is: bound accounts see the wallets of their owners.
        `attributes`: your values by name: text, numbers, booleans, null. Null clears them. `metadata`: your texts by name;
        names of 1 to 40 characters, texts of up to 500. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "PATCH",
                path("/v1/wallets/{id}", id=wallet_id),
                body(tier=tier, owner=owner, attributes=attributes, metadata=metadata),
                key=new_key(idempotency_key),
            ),
            schema.Wallet,
        )

    async def freeze(self, wallet_id: str, *, idempotency_key: str | None = None) -> schema.Wallet:
        """Freeze a wallet: it is paid, and pays nothing.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/wallets/{id}/freeze", id=wallet_id), body(), key=new_key(idempotency_key)),
            schema.Wallet,
        )

    async def unfreeze(self, wallet_id: str, *, idempotency_key: str | None = None) -> schema.Wallet:
        """Unfreeze a wallet: it pays again.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/wallets/{id}/unfreeze", id=wallet_id), body(), key=new_key(idempotency_key)),
            schema.Wallet,
        )

    async def close(self, wallet_id: str, *, idempotency_key: str | None = None) -> schema.Wallet:
        """Close an empty wallet, for good.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/wallets/{id}/close", id=wallet_id), body(), key=new_key(idempotency_key)),
            schema.Wallet,
        )

    async def statement(
        self,
        wallet_id: str,
        *,
        limit: int = PAGE,
        from_: str | None = None,
        to: str | None = None,
        type: str | None = None,
        kind: str | None = None,
        direction: str | None = None,
        counterparty: str | None = None,
        reference: str | None = None,
        metadata: str | None = None,
        amount_min: str | None = None,
        amount_max: str | None = None,
    ) -> AsyncIterator[schema.Entry]:
        """A wallet's statement, newest first.

        One entry after the other, over all pages. `from_`: RFC 3339 time: only entries that took effect at this time or later.
        `to`: RFC 3339 time: only entries that took effect before this time. `type`: only these: `transfer`, `capture`,
        `refund`. `kind`: only payments of this kind. `direction`: `in`: only what was paid to the wallet; `out`: only what it
        paid. `counterparty`: only payments with this wallet, by its id. `reference`: only payments with exactly this reference.
        `metadata`: `NAME:TEXT`: only payments with this text under this name. `amount_min`: only amounts from this one on,
        minor units. `amount_max`: only amounts up to this one, minor units. Raises ShardpayError.
        """
        async for page in self._pages(
            path("/v1/wallets/{id}/transfers", id=wallet_id),
            schema.EntryList,
            limit=limit,
            from_=from_,
            to=to,
            type=type,
            kind=kind,
            direction=direction,
            counterparty=counterparty,
            reference=reference,
            metadata=metadata,
            amount_min=amount_min,
            amount_max=amount_max,
        ):
            for each in page.data:
                yield each

    async def balance(self, wallet_id: str, *, at: str) -> schema.BalanceAnswer:
        """A wallet's balance at a time.

        `at`: RFC 3339 time: the balance after all that took effect at this time or before. Raises ShardpayError.
        """
        return await self._call(
            Call("GET", path("/v1/wallets/{id}/balance", id=wallet_id) + query(at=at)), schema.BalanceAnswer
        )

    async def account_statement(self, wallet_id: str, *, from_: str, to: str | None = None) -> schema.AccountStatement:
        """A wallet's statement of account: opening, lines, closing.

        `from_`: RFC 3339 time at which it begins. `to`: RFC 3339 time before which it ends; now by default. Raises
        ShardpayError.
        """
        return await self._call(
            Call("GET", path("/v1/wallets/{id}/statement", id=wallet_id) + query(from_=from_, to=to)),
            schema.AccountStatement,
        )

    async def holds(self, wallet_id: str, *, limit: int = PAGE) -> AsyncIterator[schema.TransferResult]:
        """The open holds of a wallet that pays, newest first.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages(path("/v1/wallets/{id}/holds", id=wallet_id), schema.HoldList, limit=limit):
            for each in page.data:
                yield each

    async def windows(self, wallet_id: str) -> schema.WalletWindows:
        """What rules count of a wallet: attempts of the last hour, day and week.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/wallets/{id}/windows", id=wallet_id)), schema.WalletWindows)

    async def erase(self, wallet_id: str) -> schema.ErasureAnswer:
        """Erase the personal data of a wallet; the ledger stays.

        Raises ShardpayError.
        """
        return await self._call(Call("DELETE", path("/v1/wallets/{id}/profile", id=wallet_id)), schema.ErasureAnswer)


class Owners(Resource):
    """The calls below `/v1/owners/transfers`."""

    async def transfers(
        self, *, owner: str, limit: int = PAGE, from_: str | None = None, to: str | None = None
    ) -> AsyncIterator[schema.OwnedEntry]:
        """What happened on all wallets of an owner, newest first.

        One entry after the other, over all pages. `owner`: of all wallets of this owner. `from_`: RFC 3339 time: only entries
        that took effect at this time or later. `to`: RFC 3339 time: only entries that took effect before this time. Raises
        ShardpayError.
        """
        async for page in self._pages(
            "/v1/owners/transfers", schema.OwnedEntryList, owner=owner, limit=limit, from_=from_, to=to
        ):
            for each in page.data:
                yield each


class Reviews(Resource):
    """The calls below `/v1/reviews`."""

    async def list(
        self,
        *,
        status: str | None = None,
        assignee: str | None = None,
        assigned: str | None = None,
        due_before: str | None = None,
        limit: int = PAGE,
    ) -> AsyncIterator[schema.Review]:
        """List payments by the state of their review, oldest first.

        One entry after the other, over all pages. `status`: `open` (default), `approved`, `declined`, `expired` or `voided`.
        `assignee`: only payments that this account works on. `assigned`: `me`: only payments that the caller's account works
        on; `nobody`: only those on which nobody does. `due_before`: RFC 3339 time: only payments whose review ends before it.
        Raises ShardpayError.
        """
        async for page in self._pages(
            "/v1/reviews",
            schema.ReviewList,
            status=status,
            assignee=assignee,
            assigned=assigned,
            due_before=due_before,
            limit=limit,
        ):
            for each in page.data:
                yield each

    async def get(self, review_id: str) -> schema.Review:
        """A payment that is or was in review.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/reviews/{id}", id=review_id)), schema.Review)

    async def analysts(self) -> schema.AnalystList:
        """Accounts that a payment in review can be given to, 200 of them at most.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", "/v1/analysts"), schema.AnalystList)

    async def approve(self, review_id: str, *, idempotency_key: str | None = None) -> schema.Review:
        """Approve a payment: its money moves, a hold becomes an ordinary one.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/reviews/{id}/approve", id=review_id), body(), key=new_key(idempotency_key)),
            schema.Review,
        )

    async def decline(self, review_id: str, *, idempotency_key: str | None = None) -> schema.Review:
        """Decline a payment: the money is released.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/reviews/{id}/decline", id=review_id), body(), key=new_key(idempotency_key)),
            schema.Review,
        )

    async def notes(self, review_id: str) -> schema.CaseWork:
        """Who works on a payment in review, and what was written about it.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/reviews/{id}/notes", id=review_id)), schema.CaseWork)

    async def add_note(self, review_id: str, *, text: str, idempotency_key: str | None = None) -> schema.CaseWork:
        """Write a note about a payment in review.

        `text`: what is to be known of the payment, up to 2,000 characters. `idempotency_key`: a new one by default. Raises
        ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/reviews/{id}/notes", id=review_id), body(text=text), key=new_key(idempotency_key)),
            schema.CaseWork,
        )

    async def assign(self, review_id: str, *, assignee: str | None) -> schema.CaseWork:
        """Give a payment in review to an analyst, or to nobody.

        `assignee`: name of an account that has a key with the scope `analyst`; null: nobody. Raises ShardpayError.
        """
        return await self._call(
            Call("PUT", path("/v1/reviews/{id}/assignee", id=review_id), body(assignee=assignee)), schema.CaseWork
        )


class RulePacks(Resource):
    """The calls below `/v1/rule-packs`."""

    async def list(self, *, limit: int = PAGE) -> AsyncIterator[schema.RulePackVersion]:
        """List rule packs and the last deployments.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages("/v1/rule-packs", schema.PackList, limit=limit):
            for each in page.data:
                yield each

    async def get(self, name: str, *, version: str | None = None) -> schema.RulePack:
        """A version of a rule pack, and what it has decided.

        `version`: a version; the newest by default. Raises ShardpayError.
        """
        return await self._call(
            Call("GET", path("/v1/rule-packs/{name}", name=name) + query(version=version)), schema.RulePack
        )

    async def publish(self, name: str, *, text: str, files: Mapping[str, str] | UnsetType = UNSET) -> schema.RulePack:
        """Publish a version of a rule pack.

        `text`: the rule pack as YAML. `files`: texts of the lists that the pack names, by file name. Raises ShardpayError.
        """
        return await self._call(
            Call("PUT", path("/v1/rule-packs/{name}", name=name), body(text=text, files=files)), schema.RulePack
        )

    async def deploy(
        self,
        name: str,
        *,
        mode: str,
        version: int | UnsetType = UNSET,
        share: int | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.PackModeResult:
        """Run a rule pack live, as challenger or in shadow, or take it off.

        `mode`: `live`, `shadow`, `challenger` or `off`. `version`: version, a number from 1; the newest by default. `share`:
        share of the wallets that a challenger decides for, per mille. `idempotency_key`: a new one by default. Raises
        ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/rule-packs/{name}/mode", name=name),
                body(mode=mode, version=version, share=share),
                key=new_key(idempotency_key),
            ),
            schema.PackModeResult,
        )

    async def backtest(
        self,
        *,
        name: str | UnsetType = UNSET,
        version: int | UnsetType = UNSET,
        from_: str | UnsetType = UNSET,
        to: str | UnsetType = UNSET,
        last: int | UnsetType = UNSET,
        labels: Sequence[schema.BacktestLabel | Mapping[str, Any]] | UnsetType = UNSET,
        text: str | UnsetType = UNSET,
        files: Mapping[str, str] | UnsetType = UNSET,
    ) -> schema.BacktestResult:
        """What a rule pack would have decided of this switch's payments.

        `name`: name of the rule pack or scorecard. `version`: version, a number from 1; the newest by default. `from_`: RFC
        3339 time: count attempts from this time on, by effective time. `to`: RFC 3339 time: count attempts before this time.
        `last`: instead of `from` and `to`: count the newest so many attempts. `labels`: what is known of payments. `text`: the
        rule pack as YAML. `files`: texts of the lists that the pack names, by file name. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/rule-packs/backtest",
                body(name=name, version=version, from_=from_, to=to, last=last, labels=labels, text=text, files=files),
            ),
            schema.BacktestResult,
        )


class Labels(Resource):
    """The calls below `/v1/transfers/{id}/label`."""

    async def put(self, transfer_id: str, *, label: bool) -> schema.Label:
        """Say of a payment whether it was fraud.

        `label`: true: fraud. Raises ShardpayError.
        """
        return await self._call(
            Call("PUT", path("/v1/transfers/{id}/label", id=transfer_id), body(label=label)), schema.Label
        )

    async def get(self, transfer_id: str) -> schema.Label:
        """Whether a payment was fraud, and who says so.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/transfers/{id}/label", id=transfer_id)), schema.Label)

    async def delete(self, transfer_id: str) -> schema.LabelsPut:
        """Take back a payment's label.

        Raises ShardpayError.
        """
        return await self._call(Call("DELETE", path("/v1/transfers/{id}/label", id=transfer_id)), schema.LabelsPut)

    async def put_many(
        self, *, labels: Sequence[schema.LabelledTransfer | Mapping[str, Any]], idempotency_key: str | None = None
    ) -> schema.LabelsPut:
        """Label up to 1,000 payments, all or none.

        `labels`: what is known of payments. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", "/v1/labels", body(labels=labels), key=new_key(idempotency_key)), schema.LabelsPut
        )

    async def list(self, *, limit: int = PAGE) -> AsyncIterator[schema.Label]:
        """All labels of payments.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages("/v1/labels", schema.LabelPage, limit=limit):
            for each in page.data:
                yield each


class Lists(Resource):
    """The calls below `/v1/lists`."""

    async def list(self) -> schema.AllLists:
        """All lists that the switch keeps.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", "/v1/lists"), schema.AllLists)

    async def create(self, name: str, *, type: str, description: str | UnsetType = UNSET) -> schema.List:
        """Make a list that rule packs can name.

        `type`: what its values are: `wallet`, `device` or `country`. `description`: more about it. Raises ShardpayError.
        """
        return await self._call(
            Call("PUT", path("/v1/lists/{name}", name=name), body(type=type, description=description)), schema.List
        )

    async def entries(self, name: str, *, limit: int = PAGE) -> AsyncIterator[schema.ListEntryResult]:
        """Entries of a list that hold, newest first.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages(path("/v1/lists/{name}/entries", name=name), schema.EntryPage, limit=limit):
            for each in page.data:
                yield each

    async def get_entry(self, name: str, value: str) -> schema.ListEntryResult:
        """One entry of a list.

        Raises ShardpayError.
        """
        return await self._call(
            Call("GET", path("/v1/lists/{name}/entries/{value}", name=name, value=value)), schema.ListEntryResult
        )

    async def add_entry(
        self, name: str, value: str, *, reason: str, expires_at: str | UnsetType = UNSET
    ) -> schema.EntryChanged:
        """Add an entry to a list, or change it: every scorer has it within a second.

        `reason`: why, up to 500 characters. `expires_at`: RFC 3339 time to come: it matches payments of an earlier effective
        time; all unless given. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "PUT",
                path("/v1/lists/{name}/entries/{value}", name=name, value=value),
                body(reason=reason, expires_at=expires_at),
            ),
            schema.EntryChanged,
        )

    async def remove_entry(self, name: str, value: str) -> schema.EntryRemoved:
        """Remove an entry from a list.

        Raises ShardpayError.
        """
        return await self._call(
            Call("DELETE", path("/v1/lists/{name}/entries/{value}", name=name, value=value)), schema.EntryRemoved
        )


class Snoozes(Resource):
    """The calls below `/v1/rule-packs/{name}/rules/{rule}/snoozes`."""

    async def list(self, name: str, rule: str, *, limit: int = PAGE) -> AsyncIterator[schema.Snooze]:
        """Wallets for which a rule is snoozed, newest first.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages(
            path("/v1/rule-packs/{name}/rules/{rule}/snoozes", name=name, rule=rule), schema.SnoozePage, limit=limit
        ):
            for each in page.data:
                yield each

    async def of_wallet(self, wallet_id: str) -> schema.WalletSnoozes:
        """Rules of the packs that run which are snoozed for a wallet.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/wallets/{id}/snoozes", id=wallet_id)), schema.WalletSnoozes)

    async def create(self, name: str, rule: str, wallet: str, *, reason: str, until: str) -> schema.SnoozeChanged:
        """Snooze a rule for a wallet until a time.

        `reason`: why, up to 500 characters. `until`: RFC 3339 time to come: payments of an earlier effective time are meant.
        Raises ShardpayError.
        """
        return await self._call(
            Call(
                "PUT",
                path("/v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}", name=name, rule=rule, wallet=wallet),
                body(reason=reason, until=until),
            ),
            schema.SnoozeChanged,
        )

    async def delete(self, name: str, rule: str, wallet: str) -> schema.SnoozeRemoved:
        """End the snooze of a rule for a wallet.

        Raises ShardpayError.
        """
        return await self._call(
            Call(
                "DELETE",
                path("/v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}", name=name, rule=rule, wallet=wallet),
            ),
            schema.SnoozeRemoved,
        )


class Scorecards(Resource):
    """The calls below `/v1/scorecards`."""

    async def list(self, *, limit: int = PAGE) -> AsyncIterator[schema.ScorecardVersion]:
        """List scorecards.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages("/v1/scorecards", schema.CardList, limit=limit):
            for each in page.data:
                yield each

    async def get(self, name: str, *, version: str | None = None) -> schema.Scorecard:
        """A version of a scorecard, and the packs that use it.

        `version`: a version; the newest by default. Raises ShardpayError.
        """
        return await self._call(
            Call("GET", path("/v1/scorecards/{name}", name=name) + query(version=version)), schema.Scorecard
        )

    async def publish(self, name: str, *, document: Mapping[str, Any]) -> schema.Scorecard:
        """Publish a version of a scorecard.

        `document`: the scorecard. Raises ShardpayError.
        """
        return await self._call(
            Call("PUT", path("/v1/scorecards/{name}", name=name), body(**document)), schema.Scorecard
        )

    async def deploy(
        self,
        name: str,
        *,
        mode: str,
        version: int | UnsetType = UNSET,
        share: int | UnsetType = UNSET,
        pack: str | UnsetType = UNSET,
        pack_version: int | UnsetType = UNSET,
        if_live: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.CardModeResult:
        """Let a scorecard decide through a rule pack, or stop it.

        `mode`: `live`, `shadow`, `challenger` or `off`. `version`: version, a number from 1; the newest by default. `share`:
        share of the wallets that a challenger decides for, per mille. `pack`: name of a rule pack. `pack_version`: version of
        the pack through which it decides; else the live or the newest one. `if_live`: for live: only while this pack is live,
        as `name@version`; else 409 `version_conflict`. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/scorecards/{name}/mode", name=name),
                body(mode=mode, version=version, share=share, pack=pack, pack_version=pack_version, if_live=if_live),
                key=new_key(idempotency_key),
            ),
            schema.CardModeResult,
        )

    async def backtest(
        self,
        *,
        name: str | UnsetType = UNSET,
        version: int | UnsetType = UNSET,
        from_: str | UnsetType = UNSET,
        to: str | UnsetType = UNSET,
        last: int | UnsetType = UNSET,
        labels: Sequence[schema.BacktestLabel | Mapping[str, Any]] | UnsetType = UNSET,
        document: Any | UnsetType = UNSET,
        pack: str | UnsetType = UNSET,
    ) -> schema.BacktestResult:
        """What a rule pack with another scorecard would have decided.

        `name`: name of the rule pack or scorecard. `version`: version, a number from 1; the newest by default. `from_`: RFC
        3339 time: count attempts from this time on, by effective time. `to`: RFC 3339 time: count attempts before this time.
        `last`: instead of `from` and `to`: count the newest so many attempts. `labels`: what is known of payments. `document`:
        the scorecard. `pack`: name of a rule pack. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/scorecards/backtest",
                body(
                    name=name,
                    version=version,
                    from_=from_,
                    to=to,
                    last=last,
                    labels=labels,
                    document=document,
                    pack=pack,
                ),
            ),
            schema.BacktestResult,
        )

    async def population(
        self, *, name: str, version: int | UnsetType = UNSET, divided_at: str | UnsetType = UNSET
    ) -> schema.PopulationAnswer:
        """Payments since a time against those before it, by bins of a scorecard.

        `name`: name of the rule pack or scorecard. `version`: version, a number from 1; the newest by default. `divided_at`:
        effective time that divides payments; when the version was published by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", "/v1/scorecards/population", body(name=name, version=version, divided_at=divided_at)),
            schema.PopulationAnswer,
        )


class Proposals(Resource):
    """The calls below `/v1/proposals`."""

    async def create(
        self,
        *,
        method: str,
        path: str,
        reason: str,
        content: Any | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.Proposal:
        """Ask for a call that needs a second person.

        `method`: of the call: `PUT`, `POST` or `DELETE`. `path`: of the call, its values encoded as in a URL. `content`: body
        of the call; none unless given. `reason`: why it is asked for, up to 500 characters. `idempotency_key`: a new one by
        default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/proposals",
                body(method=method, path=path, content=content, reason=reason),
                key=new_key(idempotency_key),
            ),
            schema.Proposal,
        )

    async def list(self, *, all: str | None = None, limit: int = PAGE) -> AsyncIterator[schema.Proposal]:
        """Proposals, newest first.

        One entry after the other, over all pages. `all`: `true`: also proposals that can be answered no longer. Raises
        ShardpayError.
        """
        async for page in self._pages("/v1/proposals", schema.ProposalList, all=all, limit=limit):
            for each in page.data:
                yield each

    async def get(self, proposal_id: str) -> schema.Proposal:
        """One proposal.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/proposals/{id}", id=proposal_id)), schema.Proposal)

    async def approve(self, proposal_id: str, *, idempotency_key: str | None = None) -> schema.Proposal:
        """Approve what another account asks for: the call is made.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/proposals/{id}/approve", id=proposal_id), body(), key=new_key(idempotency_key)),
            schema.Proposal,
        )

    async def decline(self, proposal_id: str, *, idempotency_key: str | None = None) -> schema.Proposal:
        """Decline a proposal, or take back one's own.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/proposals/{id}/decline", id=proposal_id), body(), key=new_key(idempotency_key)),
            schema.Proposal,
        )


class Scenarios(Resource):
    """The calls below `/v1/scenarios`."""

    async def list(self, *, limit: int = PAGE) -> AsyncIterator[schema.ScenarioShown]:
        """List credit scenarios: what each asks, grants and uses.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages("/v1/scenarios", schema.ScenarioList, limit=limit):
            for each in page.data:
                yield each

    async def get(self, name: str, *, version: str | None = None) -> schema.ScenarioShown:
        """A version of a credit scenario.

        `version`: a version; the newest by default. Raises ShardpayError.
        """
        return await self._call(
            Call("GET", path("/v1/scenarios/{name}", name=name) + query(version=version)), schema.ScenarioShown
        )

    async def publish(self, name: str, *, text: str) -> schema.ScenarioShown:
        """Publish a version of a credit scenario.

        `text`: the scenario as YAML. Raises ShardpayError.
        """
        return await self._call(
            Call("PUT", path("/v1/scenarios/{name}", name=name), body(text=text)), schema.ScenarioShown
        )


class Consents(Resource):
    """The calls below `/v1/consents`."""

    async def create(
        self,
        *,
        wallet: str,
        scenario: str,
        merchant: str,
        expires_at: str,
        standing: schema.Standing | Mapping[str, Any] | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.ConsentAnswer:
        """Let a merchant ask about a wallet in one scenario, until a time.

        `wallet`: wallet id. `scenario`: name of the scenario. `merchant`: account of the merchant. `expires_at`: when it ends,
        within the scenario's days. `standing`: orders up to its `cap` need no confirmation. `idempotency_key`: a new one by
        default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/consents",
                body(wallet=wallet, scenario=scenario, merchant=merchant, expires_at=expires_at, standing=standing),
                key=new_key(idempotency_key),
            ),
            schema.ConsentAnswer,
        )

    async def list(self, *, wallet: str | None = None, limit: int = PAGE) -> AsyncIterator[schema.ConsentAnswer]:
        """List a wallet's consents, or those given to the merchant who asks.

        One entry after the other, over all pages. `wallet`: the holder's wallet. Raises ShardpayError.
        """
        async for page in self._pages("/v1/consents", schema.ConsentList, wallet=wallet, limit=limit):
            for each in page.data:
                yield each

    async def get(self, consent_id: str) -> schema.ConsentAnswer:
        """A consent.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/consents/{id}", id=consent_id)), schema.ConsentAnswer)

    async def withdraw(self, consent_id: str, *, idempotency_key: str | None = None) -> schema.ConsentAnswer:
        """End a consent, at once and for good.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("DELETE", path("/v1/consents/{id}", id=consent_id), key=new_key(idempotency_key)), schema.ConsentAnswer
        )


class CreditDecisions(Resource):
    """The calls below `/v1/credit/decisions`."""

    async def create(
        self, *, wallet: str, scenario: str, amount: int | UnsetType = UNSET, idempotency_key: str | None = None
    ) -> schema.DecisionAnswer:
        """Ask whether a scenario says yes to a holder, with the holder's consent.

        `wallet`: wallet id. `scenario`: name of the scenario. `amount`: minor units. `idempotency_key`: a new one by default.
        Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/credit/decisions",
                body(wallet=wallet, scenario=scenario, amount=amount),
                key=new_key(idempotency_key),
            ),
            schema.DecisionAnswer,
        )

    async def get(self, receipt: str) -> dict[str, Any]:
        """A decision as its merchant was answered; the holder sees causes and notice.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/credit/decisions/{receipt}", receipt=receipt)), dict[str, Any])


class Credit(Resource):
    """The calls below `/v1/wallets/{id}/data`."""

    async def inquiries(self, wallet_id: str, *, limit: int = PAGE) -> AsyncIterator[schema.InquiryAnswer]:
        """Everybody who asked about a wallet, and what they were answered, newest first.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages(
            path("/v1/wallets/{id}/credit/inquiries", id=wallet_id), schema.InquiryList, limit=limit
        ):
            for each in page.data:
                yield each

    async def data(self, wallet_id: str, *, limit: int = PAGE) -> AsyncIterator[schema.OwnRecord]:
        """A copy of a wallet's profile and of all its credit records, a page at a time.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages(path("/v1/wallets/{id}/data", id=wallet_id), schema.DataAnswer, limit=limit):
            for each in page.data:
                yield each

    async def get(self, wallet_id: str) -> schema.CreditAnswer:
        """A wallet's score with subtotals and reasons, or why it has none.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/wallets/{id}/credit", id=wallet_id)), schema.CreditAnswer)

    async def history(self, wallet_id: str, *, limit: int = PAGE) -> AsyncIterator[schema.ScoreAnswer]:
        """All scores that were published of a wallet, newest first.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages(
            path("/v1/wallets/{id}/credit/history", id=wallet_id), schema.ScoreList, limit=limit
        ):
            for each in page.data:
                yield each

    async def points(self, wallet_id: str) -> schema.PointsAnswer:
        """The table from which a holder recomputes the score.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/wallets/{id}/credit/points", id=wallet_id)), schema.PointsAnswer)

    async def what_if(self, wallet_id: str, *, changes: Mapping[str, int | float | str]) -> schema.WhatIfAnswer:
        """What the score would be with other values of what the holder can influence.

        `changes`: values by feature, of history, behaviour and ability only. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/wallets/{id}/credit/what-if", id=wallet_id), body(changes=changes)),
            schema.WhatIfAnswer,
        )


class CreditOrders(Resource):
    """The calls below `/v1/credit/orders`."""

    async def create(
        self,
        *,
        receipt: str,
        kind: str,
        cap: int,
        currency: str,
        payee: str,
        number: str,
        introduction: str,
        due_at: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.OrderAnswer:
        """Make a service order on a receipt that said yes.

        `receipt`: id of the decision. `kind`: `deposit_waived` or `pay_later`, as the scenario's. `cap`: the most that can be
        asked for, minor units. `currency`: ISO 4217 code. `payee`: the merchant's wallet that will be paid. `number`: your own
        number of the order, at most 64 characters. `introduction`: what the order is for. `due_at`: when the order must be
        paid. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/credit/orders",
                body(
                    receipt=receipt,
                    kind=kind,
                    cap=cap,
                    currency=currency,
                    payee=payee,
                    number=number,
                    introduction=introduction,
                    due_at=due_at,
                ),
                key=new_key(idempotency_key),
            ),
            schema.OrderAnswer,
        )

    async def list(
        self, *, number: str | None = None, wallet: str | None = None, limit: int = PAGE
    ) -> AsyncIterator[schema.OrderAnswer]:
        """List service orders: a merchant's own, or all of a holder's wallet.

        One entry after the other, over all pages. `number`: a merchant's own number of a service order. `wallet`: the holder's
        wallet. Raises ShardpayError.
        """
        async for page in self._pages("/v1/credit/orders", schema.OrderList, number=number, wallet=wallet, limit=limit):
            for each in page.data:
                yield each

    async def get(self, order_id: str) -> schema.OrderAnswer:
        """A service order: where it stands and how it came there.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/credit/orders/{id}", id=order_id)), schema.OrderAnswer)

    async def modify(self, order_id: str, *, cap: int, idempotency_key: str | None = None) -> schema.OrderAnswer:
        """Lower an order's cap, once.

        `cap`: the most that can be asked for, minor units. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST", path("/v1/credit/orders/{id}/modify", id=order_id), body(cap=cap), key=new_key(idempotency_key)
            ),
            schema.OrderAnswer,
        )

    async def complete(
        self,
        order_id: str,
        *,
        items: Sequence[schema.BillLine | Mapping[str, Any]],
        discounts: Sequence[schema.BillLine | Mapping[str, Any]] | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.OrderAnswer:
        """Complete an order with its bill, and collect it.

        `items`: what was used. `discounts`: what is taken off. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/credit/orders/{id}/complete", id=order_id),
                body(items=items, discounts=discounts),
                key=new_key(idempotency_key),
            ),
            schema.OrderAnswer,
        )

    async def cancel(self, order_id: str, *, idempotency_key: str | None = None) -> schema.OrderAnswer:
        """Cancel an order.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/credit/orders/{id}/cancel", id=order_id), body(), key=new_key(idempotency_key)),
            schema.OrderAnswer,
        )

    async def paid_elsewhere(self, order_id: str, *, idempotency_key: str | None = None) -> schema.OrderAnswer:
        """Say that an order was paid in another way.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST", path("/v1/credit/orders/{id}/paid-elsewhere", id=order_id), body(), key=new_key(idempotency_key)
            ),
            schema.OrderAnswer,
        )

    async def confirm(self, order_id: str, *, idempotency_key: str | None = None) -> schema.OrderAnswer:
        """Confirm an order.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/credit/orders/{id}/confirm", id=order_id), body(), key=new_key(idempotency_key)),
            schema.OrderAnswer,
        )

    async def pay(self, order_id: str, *, idempotency_key: str | None = None) -> schema.OrderAnswer:
        """Pay what is owed of an order.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/credit/orders/{id}/pay", id=order_id), body(), key=new_key(idempotency_key)),
            schema.OrderAnswer,
        )

    async def import_past(self, *, orders: Sequence[schema.PastOrder | Mapping[str, Any]]) -> schema.OrderResults:
        """Record service orders of the past with their own times, up to 1,000, each once.

        `orders`: the orders, up to 1,000. Raises ShardpayError.
        """
        return await self._call(Call("POST", "/v1/credit/orders/import", body(orders=orders)), schema.OrderResults)

    async def check_past(self, *, orders: Sequence[schema.PastOrder | Mapping[str, Any]]) -> schema.OrdersChecked:
        """Check service orders of the past as an import would, and record nothing.

        `orders`: the orders, up to 1,000. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", "/v1/dry-runs/credit/orders/import", body(orders=orders)), schema.OrdersChecked
        )


class Disputes(Resource):
    """The calls below `/v1/credit/disputes`."""

    async def create(self, *, entry: str, text: str, idempotency_key: str | None = None) -> schema.DisputeAnswer:
        """Dispute an entry: an order, an inquiry or a score.

        `entry`: id of an order, a receipt, or a score. `text`: what is wrong, in the holder's own words. `idempotency_key`: a
        new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", "/v1/credit/disputes", body(entry=entry, text=text), key=new_key(idempotency_key)),
            schema.DisputeAnswer,
        )

    async def list(self, *, wallet: str | None = None, limit: int = PAGE) -> AsyncIterator[schema.DisputeAnswer]:
        """List disputes: of a wallet, of a merchant's entries, or all that are open.

        One entry after the other, over all pages. `wallet`: the holder's wallet. Raises ShardpayError.
        """
        async for page in self._pages("/v1/credit/disputes", schema.DisputeList, wallet=wallet, limit=limit):
            for each in page.data:
                yield each

    async def get(self, dispute_id: str) -> schema.DisputeAnswer:
        """A dispute: where it stands, its clocks, what was said.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/credit/disputes/{id}", id=dispute_id)), schema.DisputeAnswer)

    async def forward(self, dispute_id: str, *, idempotency_key: str | None = None) -> schema.DisputeAnswer:
        """Forward a dispute to the source of its entry, before its clock does.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/credit/disputes/{id}/forward", id=dispute_id), body(), key=new_key(idempotency_key)),
            schema.DisputeAnswer,
        )

    async def answer(
        self, dispute_id: str, *, outcome: str, text: str, idempotency_key: str | None = None
    ) -> schema.DisputeAnswer:
        """Say, as the source of an entry, what should become of its dispute.

        `outcome`: `corrected`, `deleted` or `kept`: what should become of the entry. It decides nothing. `text`: why, as the
        holder and the analyst read it. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/credit/disputes/{id}/answer", id=dispute_id),
                body(outcome=outcome, text=text),
                key=new_key(idempotency_key),
            ),
            schema.DisputeAnswer,
        )

    async def resolve(
        self,
        dispute_id: str,
        *,
        outcome: str,
        text: str | UnsetType = UNSET,
        statement: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.DisputeAnswer:
        """Resolve a dispute: corrected, deleted, or kept with the holder's statement.

        `outcome`: `corrected`, `deleted` or `kept`. `text`: the reason in words, as the holder is told. `statement`: the
        holder's statement, which stands beside an entry that was kept. `idempotency_key`: a new one by default. Raises
        ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/credit/disputes/{id}/resolve", id=dispute_id),
                body(outcome=outcome, text=text, statement=statement),
                key=new_key(idempotency_key),
            ),
            schema.DisputeAnswer,
        )

    async def reinsert(self, dispute_id: str, *, text: str, idempotency_key: str | None = None) -> schema.DisputeAnswer:
        """Bring back what a dispute had deleted, with a notice to the holder.

        `text`: why the entry is back, as the holder is told. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/credit/disputes/{id}/reinsert", id=dispute_id),
                body(text=text),
                key=new_key(idempotency_key),
            ),
            schema.DisputeAnswer,
        )


class CreditReviews(Resource):
    """The calls below `/v1/credit/reviews`."""

    async def create(self, *, receipt: str, text: str, idempotency_key: str | None = None) -> schema.CreditReviewAnswer:
        """Ask that a person looks at a decision again.

        `receipt`: id of the decision. `text`: what the person shall know who looks at it. `idempotency_key`: a new one by
        default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", "/v1/credit/reviews", body(receipt=receipt, text=text), key=new_key(idempotency_key)),
            schema.CreditReviewAnswer,
        )

    async def list(self, *, wallet: str | None = None, limit: int = PAGE) -> AsyncIterator[schema.CreditReviewAnswer]:
        """List reviews of decisions: of a wallet, of a merchant's, or all that are open.

        One entry after the other, over all pages. `wallet`: the holder's wallet. Raises ShardpayError.
        """
        async for page in self._pages("/v1/credit/reviews", schema.CreditReviewList, wallet=wallet, limit=limit):
            for each in page.data:
                yield each

    async def get(self, review_id: str) -> schema.CreditReviewAnswer:
        """A review of a decision: when it is due, and what was answered.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/credit/reviews/{id}", id=review_id)), schema.CreditReviewAnswer)

    async def resolve(
        self, review_id: str, *, outcome: str, text: str, idempotency_key: str | None = None
    ) -> schema.CreditReviewAnswer:
        """Answer a review: the decision is upheld or overturned, with the reason.

        `outcome`: `upheld` or `overturned`. `text`: the reason in words, as the holder is told. `idempotency_key`: a new one by
        default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/credit/reviews/{id}/resolve", id=review_id),
                body(outcome=outcome, text=text),
                key=new_key(idempotency_key),
            ),
            schema.CreditReviewAnswer,
        )


class WebhookEndpoints(Resource):
    """The calls below `/v1/webhook-endpoints`."""

    async def create(
        self,
        *,
        url: str,
        types: Sequence[str] | UnsetType | None = UNSET,
        description: str | UnsetType = UNSET,
        ordered: bool | UnsetType = UNSET,
        after: str | UnsetType = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.WebhookEndpoint:
        """Have events sent to a URL.

        `url`: where events are sent. `types`: types of events; all by default. `description`: your text for people. `ordered`:
        events of a user's wallet one after the other. `after`: a cursor of `GET /v1/events`, `start` for all events, or `now`,
        the default. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/webhook-endpoints",
                body(url=url, types=types, description=description, ordered=ordered, after=after),
                key=new_key(idempotency_key),
            ),
            schema.WebhookEndpoint,
        )

    async def list(self, *, limit: int = PAGE) -> AsyncIterator[schema.WebhookEndpoint]:
        """List webhook endpoints.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages("/v1/webhook-endpoints", schema.WebhookEndpointList, limit=limit):
            for each in page.data:
                yield each

    async def get(self, webhook_endpoint_id: str) -> schema.WebhookEndpoint:
        """A webhook endpoint, and how it does.

        Raises ShardpayError.
        """
        return await self._call(
            Call("GET", path("/v1/webhook-endpoints/{id}", id=webhook_endpoint_id)), schema.WebhookEndpoint
        )

    async def update(
        self,
        webhook_endpoint_id: str,
        *,
        url: str | UnsetType = UNSET,
        types: Sequence[str] | UnsetType | None = UNSET,
        description: str | UnsetType = UNSET,
        ordered: bool | UnsetType = UNSET,
        disabled: bool | UnsetType = UNSET,
        after: str | UnsetType = UNSET,
    ) -> schema.WebhookEndpoint:
        """Change a webhook endpoint: where, what, and from where on.

        `url`: where events are sent. `types`: types of events; null: all. `description`: your text for people. `ordered`:
        events of a user's wallet one after the other. `disabled`: true: nothing is sent. False: go on where it stopped.
        `after`: go on from a cursor of `GET /v1/events`, from `start` or from `now`. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "PATCH",
                path("/v1/webhook-endpoints/{id}", id=webhook_endpoint_id),
                body(url=url, types=types, description=description, ordered=ordered, disabled=disabled, after=after),
            ),
            schema.WebhookEndpoint,
        )

    async def delete(self, webhook_endpoint_id: str) -> schema.WebhookEndpoint:
        """Delete a webhook endpoint with all that is kept of it.

        Raises ShardpayError.
        """
        return await self._call(
            Call("DELETE", path("/v1/webhook-endpoints/{id}", id=webhook_endpoint_id)), schema.WebhookEndpoint
        )

    async def rotate_secret(
        self, webhook_endpoint_id: str, *, expires_in: int | UnsetType = UNSET, idempotency_key: str | None = None
    ) -> schema.WebhookSecret:
        """Give a webhook endpoint a new secret; the old one signs for a while.

        `expires_in`: seconds for which the secrets before it sign as well, up to a week; a day by default. `idempotency_key`: a
        new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/webhook-endpoints/{id}/secret/rotate", id=webhook_endpoint_id),
                body(expires_in=expires_in),
                key=new_key(idempotency_key),
            ),
            schema.WebhookSecret,
        )

    async def replay_dead(self, webhook_endpoint_id: str, *, idempotency_key: str | None = None) -> schema.Replayed:
        """Send a webhook endpoint's dead letters again.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/webhook-endpoints/{id}/replay", id=webhook_endpoint_id),
                body(),
                key=new_key(idempotency_key),
            ),
            schema.Replayed,
        )

    async def test(self, webhook_endpoint_id: str, *, idempotency_key: str | None = None) -> schema.WebhookDelivery:
        """Send a test event to a webhook endpoint.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/webhook-endpoints/{id}/test", id=webhook_endpoint_id),
                body(),
                key=new_key(idempotency_key),
            ),
            schema.WebhookDelivery,
        )


class WebhookDeliveries(Resource):
    """The calls below `/v1/webhook-endpoints/{id}/deliveries`."""

    async def list(
        self, webhook_endpoint_id: str, *, state: str | None = None, event: str | None = None, limit: int = PAGE
    ) -> AsyncIterator[schema.WebhookDelivery]:
        """A webhook endpoint's deliveries, newest first.

        One entry after the other, over all pages. `state`: `pending`, `delivered` or `dead`; all by default. `event`: only
        deliveries of the event with this id. Raises ShardpayError.
        """
        async for page in self._pages(
            path("/v1/webhook-endpoints/{id}/deliveries", id=webhook_endpoint_id),
            schema.WebhookDeliveryList,
            state=state,
            event=event,
            limit=limit,
        ):
            for each in page.data:
                yield each

    async def of_events(self, *, events: str, limit: int = PAGE) -> AsyncIterator[schema.WebhookDelivery]:
        """Deliveries about some events, to all webhook endpoints, newest first.

        One entry after the other, over all pages. `events`: ids of up to 100 events, with commas between. Raises ShardpayError.
        """
        async for page in self._pages("/v1/webhook-deliveries", schema.WebhookDeliveryList, events=events, limit=limit):
            for each in page.data:
                yield each

    async def get(self, webhook_endpoint_id: str, delivery: str) -> schema.WebhookDelivery:
        """A delivery with its attempts.

        Raises ShardpayError.
        """
        return await self._call(
            Call(
                "GET",
                path("/v1/webhook-endpoints/{id}/deliveries/{delivery}", id=webhook_endpoint_id, delivery=delivery),
            ),
            schema.WebhookDelivery,
        )

    async def replay(
        self, webhook_endpoint_id: str, delivery: str, *, idempotency_key: str | None = None
    ) -> schema.WebhookDelivery:
        """Send a delivery again, whatever became of it.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path(
                    "/v1/webhook-endpoints/{id}/deliveries/{delivery}/replay", id=webhook_endpoint_id, delivery=delivery
                ),
                body(),
                key=new_key(idempotency_key),
            ),
            schema.WebhookDelivery,
        )


class Keys(Resource):
    """The calls below `/v1/keys`."""

    async def list(self, *, limit: int = PAGE) -> AsyncIterator[schema.KeyShown]:
        """List API keys: names, scopes, bounds, ends; no secrets.

        One entry after the other, over all pages. Raises ShardpayError.
        """
        async for page in self._pages("/v1/keys", schema.KeyList, limit=limit):
            for each in page.data:
                yield each

    async def create(
        self,
        *,
        name: str,
        scopes: Sequence[str],
        wallets: Sequence[str] | UnsetType = UNSET,
        owners: Sequence[str] | UnsetType = UNSET,
        scenarios: Sequence[str] | UnsetType = UNSET,
        expires_at: str | UnsetType | None = UNSET,
        reads_per_s: int | UnsetType | None = UNSET,
        writes_per_s: int | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.KeyMade:
        """Make an API key, which is shown once.

        `name`: the account. `scopes`: what it may do: `admin`, `pay`, `import`, `read`, `analyst`, `credit`, `merchant`,
        `holder`, `webhooks`, `keys`, `audit`. `wallets`: wallets that the account is bound to, by id. `owners`: owners whose
        wallets it is bound to, today and later. `scenarios`: credit scenarios in which it may ask. `expires_at`: when the key
        ends; null: when it is revoked. `reads_per_s`: GET requests a second at one front door; null: as many as its account
        may. `writes_per_s`: other requests a second at one front door; null: as many as its account may. `idempotency_key`: a
        new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                "/v1/keys",
                body(
                    name=name,
                    scopes=scopes,
                    wallets=wallets,
                    owners=owners,
                    scenarios=scenarios,
                    expires_at=expires_at,
                    reads_per_s=reads_per_s,
                    writes_per_s=writes_per_s,
                ),
                key=new_key(idempotency_key),
            ),
            schema.KeyMade,
        )

    async def get(self, key_id: str) -> schema.KeyShown:
        """One API key.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/keys/{id}", id=key_id)), schema.KeyShown)

    async def update(
        self,
        key_id: str,
        *,
        expires_at: str | UnsetType | None = UNSET,
        reads_per_s: int | UnsetType | None = UNSET,
        writes_per_s: int | UnsetType | None = UNSET,
    ) -> schema.KeyShown:
        """Change an API key's end and limits.

        `expires_at`: when the key ends; null: when it is revoked. `reads_per_s`: GET requests a second at one front door; null:
        as many as its account may. `writes_per_s`: other requests a second at one front door; null: as many as its account may.
        Raises ShardpayError.
        """
        return await self._call(
            Call(
                "PATCH",
                path("/v1/keys/{id}", id=key_id),
                body(expires_at=expires_at, reads_per_s=reads_per_s, writes_per_s=writes_per_s),
            ),
            schema.KeyShown,
        )

    async def rotate(
        self,
        key_id: str,
        *,
        overlap_s: int | UnsetType = UNSET,
        expires_at: str | UnsetType | None = UNSET,
        idempotency_key: str | None = None,
    ) -> schema.KeyMade:
        """Make a key in place of another, which works on for a while.

        `overlap_s`: seconds for which the old key works on; a day by default. `expires_at`: when the new key ends; null: when
        it is revoked; by default when the old one would have. `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call(
                "POST",
                path("/v1/keys/{id}/rotate", id=key_id),
                body(overlap_s=overlap_s, expires_at=expires_at),
                key=new_key(idempotency_key),
            ),
            schema.KeyMade,
        )

    async def revoke(self, key_id: str, *, idempotency_key: str | None = None) -> schema.KeyShown:
        """End an API key's life.

        `idempotency_key`: a new one by default. Raises ShardpayError.
        """
        return await self._call(
            Call("POST", path("/v1/keys/{id}/revoke", id=key_id), body(), key=new_key(idempotency_key)), schema.KeyShown
        )


class Journal(Resource):
    """The calls below `/v1/journal/heads`."""

    async def heads(self) -> schema.JournalHeads:
        """Where each shard's journal ends: block, hash, time.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", "/v1/journal/heads"), schema.JournalHeads)


class AdminLog(Resource):
    """The calls below `/v1/admin-log`."""

    async def list(
        self,
        *,
        account: str | None = None,
        call: str | None = None,
        resource: str | None = None,
        outcome: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = PAGE,
    ) -> AsyncIterator[schema.AdminLogEntry]:
        """What administrators did, newest first.

        One entry after the other, over all pages. `account`: only what this account did, by its name. `call`: only this call,
        such as `PUT /v1/lists/{name}`, or this command, such as `shardpay keys create`. `resource`: only what is about this
        path, or about one below it: `/v1/lists/stolen-devices`. `outcome`: `done`, `refused` (nothing was changed) or `unknown`
        (something may have been). `since`: RFC 3339 time: only entries of this time or later. `until`: RFC 3339 time: only
        entries before this time. Raises ShardpayError.
        """
        async for page in self._pages(
            "/v1/admin-log",
            schema.AdminLogPage,
            account=account,
            call=call,
            resource=resource,
            outcome=outcome,
            since=since,
            until=until,
            limit=limit,
        ):
            for each in page.data:
                yield each


class BenchReports(Resource):
    """The calls below `/v1/bench/reports`."""

    async def list(self) -> schema.BenchReportList:
        """List results of benchmarks, the newest first.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", "/v1/bench/reports"), schema.BenchReportList)

    async def get(self, name: str) -> schema.BenchReportShown:
        """The figures of one run of benchmarks.

        Raises ShardpayError.
        """
        return await self._call(Call("GET", path("/v1/bench/reports/{name}", name=name)), schema.BenchReportShown)


class AsyncResources:
    """Every resource of a switch."""

    def __init__(self, call: SendCall, pages: ReadPages) -> None:
        self.transfers = Transfers(call, pages)
        self.events = Events(call, pages)
        self.wallets = Wallets(call, pages)
        self.owners = Owners(call, pages)
        self.reviews = Reviews(call, pages)
        self.rule_packs = RulePacks(call, pages)
        self.labels = Labels(call, pages)
        self.lists = Lists(call, pages)
        self.snoozes = Snoozes(call, pages)
        self.scorecards = Scorecards(call, pages)
        self.proposals = Proposals(call, pages)
        self.scenarios = Scenarios(call, pages)
        self.consents = Consents(call, pages)
        self.credit_decisions = CreditDecisions(call, pages)
        self.credit = Credit(call, pages)
        self.credit_orders = CreditOrders(call, pages)
        self.disputes = Disputes(call, pages)
        self.credit_reviews = CreditReviews(call, pages)
        self.webhook_endpoints = WebhookEndpoints(call, pages)
        self.webhook_deliveries = WebhookDeliveries(call, pages)
        self.keys = Keys(call, pages)
        self.journal = Journal(call, pages)
        self.admin_log = AdminLog(call, pages)
        self.bench_reports = BenchReports(call, pages)
