"""Make the descriptors of our .proto files, beside the code that uses them.

    pip install grpcio-tools && python proto/generate.py [FOLDER]

What they import of OTLP comes from the installed opentelemetry-proto. Not Python modules, which
would bind us to one version of protobuf: the descriptors are the same for all.
"""

import sys
import tempfile
from pathlib import Path

from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import Default
from grpc_tools import protoc
from opentelemetry.proto.trace.v1 import trace_pb2

HERE = Path(__file__).parent


def generate(folder: Path) -> None:
    """Write the descriptors below `folder`."""
    files = (duration_pb2, timestamp_pb2, trace_pb2)
    needed, found = [each.DESCRIPTOR.name for each in files], FileDescriptorSet()
    known = set[str]()
    while needed:
        name = needed.pop()
        if name not in known:
            known.add(name)
            file = Default().FindFileByName(name)
            needed += [each.name for each in file.dependencies]
            file.CopyToProto(found.file.add())
    with tempfile.NamedTemporaryFile(suffix=".binpb") as imported:
        imported.write(found.SerializeToString())
        imported.flush()
        for source in sorted(HERE.rglob("*.proto")):
            name = source.relative_to(HERE)
            made = (folder / name).with_suffix(".binpb")
            made.parent.mkdir(parents=True, exist_ok=True)
            flags = [f"--descriptor_set_in={imported.name}", f"-I{HERE}"]
            if protoc.main(["protoc", *flags, f"--descriptor_set_out={made}", str(name)]):
                sys.exit(1)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent)
