"""One answer of a model, whatever the provider: deltas in, snapshots out, the verdict, attempts.

Nothing here imports an SDK. What a provider has to say stands in `partialfast.providers`.
"""
