"""The CDK app: settings -> stack. The entry point for ``cdk deploy``, ``cdk synth`` and SeedFarmer's deployspec."""

import gc
import sys

import aws_cdk as cdk

from pipeline.bundle import LinkError
from settings import SettingsError, read_settings
from stack import MlOpsStack


def main() -> int:
    """Synthesises the stack.

    Returns:
        The exit code: 1, with nothing written, if a parameter is missing or malformed or a script is a link.
    """
    app = cdk.App()
    try:
        settings = read_settings(app.node.try_get_context)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the CDK CLI shows what its app prints
        return 1
    try:
        MlOpsStack(
            app,
            settings.stack_name,
            settings=settings,
            env=cdk.Environment(account=settings.account, region=settings.region),
            permissions_boundary=(
                cdk.PermissionsBoundary.from_arn(settings.permissions_boundary_arn)
                if settings.permissions_boundary_arn
                else None
            ),
            tags={"mlops:model-name": settings.model_name},
        )
    except LinkError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    app.synth()
    # Skip the interpreter's final garbage collection: it would scan the whole construct tree (0.5 s).
    gc.freeze()
    return 0


if __name__ == "__main__":
    sys.exit(main())
