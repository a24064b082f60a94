"""`somabus bench`: what each work of the bus costs on one drive, beside the bare system calls that it needs there."""

from somabus.bench.measure import Row, measure

__all__ = ["Row", "measure"]
