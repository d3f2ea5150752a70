"""One script per step; none of them changes once it was released. There is no way back but a backup."""
