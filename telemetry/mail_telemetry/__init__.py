"""The contract both services import: names, identity, trace propagation, logging and address masking."""
