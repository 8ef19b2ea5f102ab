"""What the demo's shop sells, and who wants its newsletter."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from django.core.files import File

from .models import Product

PICTURES = Path(__file__).parent / "pictures"

#: Name to price in francs. The name is that of the picture, too.
PRODUCTS = {
    "Espresso cups": Decimal("24.00"),
    "Enamel kettle": Decimal("59.50"),
    "Linen apron": Decimal("38.00"),
}


def stock(*names: str) -> list[Product]:
    """Products with their pictures: each save enqueues a job that resizes it."""
    return [_product(name) for name in names]


def subscribers(count: int) -> Iterator[tuple[str, str]]:
    """Email and name."""
    return ((f"reader{n}@example.com", f"Reader {n}") for n in range(1, count + 1))


def _product(name: str) -> Product:
    path = PICTURES / f"{name.lower().replace(' ', '-')}.png"
    with path.open("rb") as picture:
        return Product.objects.create(
            name=name, price=PRODUCTS[name], picture=File(picture, path.name)
        )
