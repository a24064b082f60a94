"""`somabus demo`: the two-minute proof, with real processes, of what somabus is for."""

from somabus.demo.play import show

__all__ = ["show"]
